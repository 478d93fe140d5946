// Prisma with @prisma/adapter-planetscale through the HTTP data API, over TLS with the private CA.
import assert from 'node:assert/strict'
import { connect } from '@planetscale/database'
import { PrismaPlanetScale } from '@prisma/adapter-planetscale'
import { config, odd } from './config.mjs'
import prisma from './generated/index.js'

const raw = connect(config)
const tables = async () => {
  await raw.execute('DROP TABLE IF EXISTS prisma_order')
  await raw.execute('DROP TABLE IF EXISTS prisma_customer')
}
await tables()
await raw.execute('CREATE TABLE prisma_customer (id INT PRIMARY KEY AUTO_INCREMENT, email VARCHAR(100) NOT NULL UNIQUE)')
await raw.execute(
  'CREATE TABLE prisma_order (id INT PRIMARY KEY AUTO_INCREMENT, customer_id INT NOT NULL, total DECIMAL(10,2) NOT NULL, ' +
    'note TEXT, paid BOOLEAN NOT NULL DEFAULT false, made DATETIME(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3), ' +
    'INDEX (customer_id), FOREIGN KEY (customer_id) REFERENCES prisma_customer (id))'
)
const db = new prisma.PrismaClient({ adapter: new PrismaPlanetScale(config) })

const made = new Date('2026-11-30T20:00:00.125Z')
const customer = await db.prisma_customer.create({
  data: { email: 'a@example.com', orders: { create: [{ total: '12.50', note: odd, made }, { total: '7.25' }] } },
  include: { orders: { orderBy: { id: 'asc' } } }
})
assert.equal(customer.orders.length, 2)
assert.deepEqual([String(customer.orders[0].total), customer.orders[0].note, customer.orders[0].paid], ['12.5', odd, false])
assert.equal(customer.orders[0].made.toISOString(), made.toISOString())
const found = await db.prisma_order.findMany({ where: { note: odd }, include: { customer: true } })
assert.deepEqual([found.length, found[0].customer.email], [1, 'a@example.com'])
assert.equal((await db.prisma_order.updateMany({ where: { paid: false }, data: { paid: true } })).count, 2)
const sum = await db.prisma_order.aggregate({ _sum: { total: true }, _count: true })
assert.deepEqual([String(sum._sum.total), sum._count], ['19.75', 2])

await db.$transaction(async (tx) => {
  await tx.prisma_order.create({ data: { total: 1, customer_id: customer.id } })
  assert.equal(await tx.prisma_order.count(), 3)
})
await assert.rejects(
  db.$transaction(async (tx) => {
    await tx.prisma_order.deleteMany()
    throw new Error('no')
  }),
  /^Error: no$/
)
assert.equal(await db.prisma_order.count(), 3)

await assert.rejects(db.prisma_customer.create({ data: { email: 'a@example.com' } }), { code: 'P2002' })
await assert.rejects(db.prisma_order.create({ data: { total: 1, customer_id: 999 } }), { code: 'P2003' })
await db.$disconnect()
await tables()
console.log('Prisma: ok')
