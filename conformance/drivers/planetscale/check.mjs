// @planetscale/database through the HTTP data API, over TLS with the private CA.
import assert from 'node:assert/strict'
import { Client, connect } from '@planetscale/database'

const e = process.env
const config = { host: e.OFFSHOOT_DATA_HOST, username: e.OFFSHOOT_USER, password: e.OFFSHOOT_PASSWORD }
const db = connect(config)
const mysql = !(await db.execute('SELECT VERSION() AS v')).rows[0].v.includes('MariaDB')

// Every type: definition, value, type as the driver names it, what it makes of it.
const columns = [
  ['bigint PRIMARY KEY AUTO_INCREMENT', '1', 'INT64', '1'],
  ['tinyint', '-1', 'INT8', -1],
  ['smallint', '2', 'INT16', 2],
  ['mediumint', '3', 'INT24', 3],
  ['int', '4', 'INT32', 4],
  ['bigint', '9223372036854775807', 'INT64', '9223372036854775807'],
  ['decimal(4,2)', '1.50', 'DECIMAL', '1.50'],
  ['float', '1.5', 'FLOAT32', 1.5],
  ['double', '1.25', 'FLOAT64', 1.25],
  ['bit(8)', "b'101'", 'BIT', new Uint8Array([5])],
  ['date', "'2026-11-30'", 'DATE', '2026-11-30'],
  ['datetime(3)', "'2026-11-30 20:00:00.125'", 'DATETIME', '2026-11-30 20:00:00.125'],
  ['timestamp NULL', "'2026-11-30 20:00:00'", 'TIMESTAMP', '2026-11-30 20:00:00'],
  ['time', "'20:00:01'", 'TIME', '20:00:01'],
  ['year', '2026', 'YEAR', 2026],
  ['char(4)', "'ü'", 'CHAR', 'ü'],
  ['varchar(9)', "'🐬'", 'VARCHAR', '🐬'],
  ['binary(2)', "x'00ff'", 'BINARY', new Uint8Array([0, 255])],
  ['varbinary(2)', "x'ff'", 'VARBINARY', new Uint8Array([255])],
  ['blob', "x'010203'", 'BLOB', new Uint8Array([1, 2, 3])],
  ['text', "'text'", 'TEXT', 'text'],
  ["enum('a','b')", "'b'", 'ENUM', 'b'],
  ["set('a','b')", "'a,b'", 'SET', 'a,b'],
  ['json', `'{"a": [1, null]}'`, mysql ? 'JSON' : 'BLOB', mysql ? { a: [1, null] } : '{"a": [1, null]}'],
  ['tinyint unsigned', '255', 'UINT8', 255],
  ['int unsigned', '4294967295', 'UINT32', 4294967295],
  ['bigint unsigned', '18446744073709551615', 'UINT64', '18446744073709551615'],
  ['char(2) COLLATE utf8mb4_bin', "'xa'", 'BINARY', 'xa'],
  ['varchar(9)', 'NULL', 'VARCHAR', null]
]
await db.execute('DROP TABLE IF EXISTS ps_types')
await db.execute(`CREATE TABLE ps_types (${columns.map(([d], n) => `c${n} ${d}`).join(', ')}) DEFAULT CHARSET utf8mb4`)
const made = await db.execute(`INSERT INTO ps_types VALUES (${columns.map((c) => c[1]).join(', ')})`)
assert.deepEqual([made.rowsAffected, made.insertId], [1, '1'])
const all = await db.execute('SELECT *, NULL AS nothing FROM ps_types')
columns.forEach(([definition, , type, value], n) => {
  assert.equal(all.types[`c${n}`], type, definition)
  assert.deepEqual(all.rows[0][`c${n}`], value, definition)
})
assert.deepEqual([all.types.nothing, all.rows[0].nothing, all.size], ['NULL', null, 1])
assert.ok(all.time > 0)
assert.equal(all.fields[0].flags, 49667)
console.log('planetscale types: ok')

// Parameters, which the driver puts into the text.
await db.execute('DROP TABLE IF EXISTS ps_check')
await db.execute('CREATE TABLE ps_check (id INT PRIMARY KEY AUTO_INCREMENT, t VARCHAR(50), b BLOB)')
const odd = `O'Neil "\\" \n\t\0 ?`
await db.execute('INSERT INTO ps_check (t, b) VALUES (?, ?), (:t, NULL)'.replace(':t', '?'), [odd, new Uint8Array([0, 255]), 'x'])
const rows = (await db.execute('SELECT * FROM ps_check WHERE t = :t', { t: odd })).rows
assert.deepEqual(rows, [{ id: 1, t: odd, b: new Uint8Array([0, 255]) }])
assert.deepEqual((await db.execute('SELECT id FROM ps_check ORDER BY id', null, { as: 'array' })).rows, [[1], [2]])

// Transactions.
const count = async () => Number((await db.execute('SELECT COUNT(*) AS n FROM ps_check')).rows[0].n)
await db.transaction(async (tx) => {
  await Promise.all([1, 2, 3].map(() => tx.execute("INSERT INTO ps_check (t) VALUES ('tx')")))
  assert.equal(await count(), 2)
})
assert.equal(await count(), 5)
const broken = db.transaction(async (tx) => {
  await tx.execute('DELETE FROM ps_check')
  throw new Error('no')
})
await assert.rejects(broken, /^Error: no$/)
assert.equal(await count(), 5)

// Errors.
await assert.rejects(db.execute('SELECT * FROM nowhere'), (error) => {
  assert.deepEqual([error.name, error.status, error.body.code], ['DatabaseError', 400, 'NOT_FOUND'])
  return /\(errno 1146\) \(sqlstate 42S02\)/.test(error.message)
})
for (const password of ['wrong', '']) {
  await assert.rejects(connect({ ...config, password }).execute('SELECT 1'), (error) => {
    assert.deepEqual([error.name, error.status, error.body.code], ['DatabaseError', 401, 'unauthenticated'])
    return true
  })
}
const fresh = connect(config)
await fresh.refresh()
assert.deepEqual((await fresh.execute('SELECT 1 AS one')).rows, [{ one: mysql ? '1' : 1 }])

// Many at once without a session, as functions do, and a large result.
const client = new Client(config)
const many = await Promise.all(Array.from({ length: 40 }, (_, n) => client.execute('SELECT ? AS n', [n])))
assert.deepEqual(many.map((m) => Number(m.rows[0].n)), Array.from({ length: 40 }, (_, n) => n))
const large = await db.execute(
  "SELECT REPEAT('x', 1000) AS v FROM (WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 200) SELECT i FROM n) a, " +
    '(WITH RECURSIVE m (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM m WHERE i < 200) SELECT i FROM m) b'
)
assert.equal(large.size, 40000)
assert.ok(large.rows.every((row) => row.v.length === 1000))
await db.execute('DROP TABLE ps_check')
await db.execute('DROP TABLE ps_types')
console.log('planetscale statements, transactions, errors: ok')
