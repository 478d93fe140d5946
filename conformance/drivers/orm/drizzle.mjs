// Drizzle (drizzle-orm/planetscale-serverless) through the HTTP data API, over TLS with the private CA.
import assert from 'node:assert/strict'
import { Client } from '@planetscale/database'
import { eq, sql } from 'drizzle-orm'
import { boolean, datetime, decimal, int, mysqlTable, text } from 'drizzle-orm/mysql-core'
import { drizzle } from 'drizzle-orm/planetscale-serverless'
import { config, errno, odd } from './config.mjs'

const orders = mysqlTable('drizzle_order', {
  id: int('id').primaryKey().autoincrement(),
  total: decimal('total', { precision: 10, scale: 2 }).notNull(),
  note: text('note'),
  paid: boolean('paid').notNull().default(false),
  made: datetime('made', { fsp: 3 })
})
const db = drizzle(new Client(config))
await db.execute(sql`DROP TABLE IF EXISTS drizzle_order`)
await db.execute(sql`CREATE TABLE drizzle_order (id INT PRIMARY KEY AUTO_INCREMENT, total DECIMAL(10,2) NOT NULL, note TEXT,
  paid BOOLEAN NOT NULL DEFAULT false, made DATETIME(3))`)

const made = new Date('2026-11-30T20:00:00.125Z')
const ids = await db.insert(orders).values([{ total: '12.50', note: odd, made }, { total: '7.25' }]).$returningId()
assert.deepEqual(ids, [{ id: 1 }, { id: 2 }])
assert.deepEqual(await db.select().from(orders).where(eq(orders.note, odd)), [{ id: 1, total: '12.50', note: odd, paid: false, made }])
const changed = await db.update(orders).set({ paid: true }).where(eq(orders.id, 2))
assert.equal(changed.rowsAffected, 1)
assert.equal((await db.select().from(orders).where(eq(orders.paid, true))).length, 1)

await db.transaction(async (tx) => {
  await tx.insert(orders).values({ total: '1.00' })
  assert.equal(await tx.$count(orders), 3)
  await assert.rejects(
    tx.transaction(async (inner) => {
      await inner.delete(orders)
      inner.rollback()
    })
  )
  assert.equal(await tx.$count(orders), 3)
})
await assert.rejects(
  db.transaction(async (tx) => {
    await tx.delete(orders)
    tx.rollback()
  })
)
assert.equal(await db.$count(orders), 3)

await assert.rejects(db.insert(orders).values({ id: 1, total: '1.00' }), (error) => errno(error) === 1062)
await assert.rejects(db.execute(sql`SELECT * FROM nowhere`), (error) => errno(error) === 1146)
await db.execute(sql`DROP TABLE drizzle_order`)
console.log('Drizzle: ok')
