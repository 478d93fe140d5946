// Kysely with kysely-planetscale through the HTTP data API, over TLS with the private CA.
import assert from 'node:assert/strict'
import { Kysely, sql } from 'kysely'
import { PlanetScaleDialect } from 'kysely-planetscale'
import { config, errno, odd } from './config.mjs'

const db = new Kysely({ dialect: new PlanetScaleDialect({ ...config, useSharedConnection: false }) })
await db.schema.dropTable('kysely_order').ifExists().execute()
await db.schema
  .createTable('kysely_order')
  .addColumn('id', 'integer', (c) => c.primaryKey().autoIncrement())
  .addColumn('total', 'decimal(10, 2)', (c) => c.notNull())
  .addColumn('note', 'text')
  .addColumn('made', 'datetime(3)')
  .execute()

const made = new Date('2026-11-30T20:00:00.125Z')
const inserted = await db.insertInto('kysely_order').values([{ total: '12.50', note: odd, made }, { total: '7.25', note: null, made: null }]).executeTakeFirst()
assert.deepEqual([inserted.insertId, inserted.numInsertedOrUpdatedRows], [1n, 2n])
const found = await db.selectFrom('kysely_order').selectAll().where('note', '=', odd).execute()
assert.deepEqual(found, [{ id: 1, total: '12.50', note: odd, made }])
const changed = await db.updateTable('kysely_order').set({ total: '8.00' }).where('id', '=', 2).executeTakeFirst()
assert.equal(changed.numUpdatedRows, 1n)

const count = async (at) => Number((await at.selectFrom('kysely_order').select((e) => e.fn.countAll().as('n')).executeTakeFirst()).n)
await db.transaction().execute(async (tx) => {
  await tx.insertInto('kysely_order').values({ total: '1.00' }).execute()
  assert.equal(await count(tx), 3)
  assert.equal(await count(db), 2)
})
await assert.rejects(
  db.transaction().execute(async (tx) => {
    await tx.deleteFrom('kysely_order').execute()
    throw new Error('no')
  }),
  /^Error: no$/
)
assert.equal(await count(db), 3)

await assert.rejects(db.insertInto('kysely_order').values({ id: 1, total: '1.00' }).execute(), (error) => errno(error) === 1062)
await assert.rejects(sql`SELECT * FROM nowhere`.execute(db), (error) => errno(error) === 1146)
const tables = await db.introspection.getTables()
assert.ok(tables.some((table) => table.name === 'kysely_order' && table.columns.length === 4))
await db.schema.dropTable('kysely_order').execute()
await db.destroy()
console.log('Kysely: ok')
