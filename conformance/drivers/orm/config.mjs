// How each of the ORMs is told of the branch: host of the data API, username and secret.
const e = process.env
export const config = { host: e.OFFSHOOT_DATA_HOST, username: e.OFFSHOOT_USER, password: e.OFFSHOOT_PASSWORD }
export const odd = `O'Neil "\\" 🐬 naïve`

// The number of MySQL's error, wherever the ORM has put it.
export function errno(error) {
  for (let e = error; e; e = e.cause) {
    const found = /\(errno (\d+)\)/.exec(String(e.message)) ?? /\(errno (\d+)\)/.exec(JSON.stringify(e.meta ?? null))
    if (found) return Number(found[1])
  }
  return null
}
