// mysql2 through the gateway.
import assert from 'node:assert/strict'
import fs from 'node:fs'
import mysql from 'mysql2/promise'

const e = process.env
const options = (tls, password) => ({
  host: e.OFFSHOOT_HOST,
  port: Number(e.OFFSHOOT_PORT),
  user: e.OFFSHOOT_USER,
  password: password ?? e.OFFSHOOT_PASSWORD,
  database: e.OFFSHOOT_SCHEMA,
  multipleStatements: true,
  ssl: tls ? { ca: fs.readFileSync(e.OFFSHOOT_CA) } : undefined
})

for (const tls of [true, false]) {
  const db = await mysql.createConnection(options(tls))
  await db.query('DROP TABLE IF EXISTS mysql2_check')
  await db.query('CREATE TABLE mysql2_check (id INT PRIMARY KEY, t VARCHAR(50), d DECIMAL(10,2), b LONGBLOB)')
  await db.execute('INSERT INTO mysql2_check VALUES (?, ?, ?, ?)', [1, 'naïve 🐬', '12.50', Buffer.from([0, 255, 3])])
  const [[row]] = await db.execute('SELECT * FROM mysql2_check WHERE id = ?', [1])
  assert.deepEqual([row.t, row.d, [...row.b]], ['naïve 🐬', '12.50', [0, 255, 3]])
  await db.beginTransaction()
  await db.query('INSERT INTO mysql2_check (id) VALUES (2)')
  await db.rollback()
  const [[count]] = await db.query('SELECT COUNT(*) AS n FROM mysql2_check')
  assert.equal(Number(count.n), 1)
  const [results] = await db.query('SELECT 1 AS a; SELECT 2 AS b')
  assert.deepEqual(results.map((r) => r.length), [1, 1])
  const big = Buffer.alloc(20 << 20, 'x')
  const [[length]] = await db.query('SELECT LENGTH(?) AS n', [big])
  assert.equal(Number(length.n), big.length)
  await assert.rejects(db.query('SELECT * FROM nowhere'), { errno: 1146 })
  await db.changeUser({ user: e.OFFSHOOT_USER, password: e.OFFSHOOT_PASSWORD, database: e.OFFSHOOT_SCHEMA })
  await db.query('DROP TABLE mysql2_check')
  await db.end()
  console.log(`mysql2 ${tls ? 'with' : 'without'} TLS: ok`)
}
const pool = mysql.createPool({ ...options(false), connectionLimit: 8 })
await Promise.all(Array.from({ length: 64 }, () => pool.query('SELECT SLEEP(0.01)')))
await pool.end()
console.log('mysql2 pool: ok')
await assert.rejects(mysql.createConnection(options(true, 'wrong')), { errno: 1045 })
console.log('mysql2 wrong password: ok')
