// Point selects for some seconds, by so many at once, in one of two ways. Prints requests a second and
// the 99th percentile in milliseconds.
const [way, parallel, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])]
const e = process.env

async function clients() {
  if (way === 'http') {
    const { connect } = await import('@planetscale/database')
    const url = `http://${e.BENCH_USER}:${e.BENCH_PASSWORD}@${e.BENCH_HTTP}`
    const one = () => {
      const db = connect({ url })
      return (id) => db.execute('SELECT v FROM point WHERE id = ?', [id])
    }
    return Array.from({ length: parallel }, one)
  }
  const mysql = (await import('mysql2/promise')).default
  const one = async () => {
    const db = await mysql.createConnection({
      host: e.BENCH_HOST,
      port: Number(e.BENCH_PORT),
      user: e.BENCH_USER,
      password: e.BENCH_PASSWORD,
      database: e.BENCH_SCHEMA
    })
    return (id) => db.query('SELECT v FROM point WHERE id = ?', [id])
  }
  return Promise.all(Array.from({ length: parallel }, one))
}

const all = await clients()
await Promise.all(all.map((ask) => ask(1)))
const times = []
const end = performance.now() + seconds * 1000
const began = performance.now()
await Promise.all(
  all.map(async (ask, n) => {
    for (let id = n; performance.now() < end; id = (id * 31 + 7) % 1000) {
      const start = performance.now()
      await ask(id + 1)
      times.push(performance.now() - start)
    }
  })
)
const took = (performance.now() - began) / 1000
times.sort((a, b) => a - b)
console.log(JSON.stringify({ requests: times.length, rate: times.length / took, p99: times[Math.floor((times.length - 1) * 0.99)] }))
process.exit(0)
