// A provider of OpenID Connect: the npm package oidc-provider, which is certified, with keys of its own, one client, and its page
// where any name and password log in. ann is verified, everybody else is not.
//
//   node provider.mjs PORT CALLBACK basic|post|none RS256|ES256|EdDSA
import { generateKeyPairSync } from 'node:crypto'
import Provider from 'oidc-provider'

const [port, callback, method, algorithm] = process.argv.slice(2)
const made = {
  RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  EdDSA: () => generateKeyPairSync('ed25519'),
}[algorithm]()
const key = { ...made.privateKey.export({ format: 'jwk' }), alg: algorithm, use: 'sig' }
const client = {
  client_id: 'offshoot',
  redirect_uris: [callback],
  response_types: ['code'],
  grant_types: ['authorization_code'],
  id_token_signed_response_alg: algorithm,
  token_endpoint_auth_method: { basic: 'client_secret_basic', post: 'client_secret_post', none: 'none' }[method],
  ...(method === 'none' ? {} : { client_secret: process.env.CLIENT_SECRET }),
}
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [client],
  jwks: { keys: [key] },
  cookies: { keys: ['of this run alone'] },
  claims: { email: ['email', 'email_verified'], profile: ['name'] },
  // As the standard has it, the address is told at the userinfo endpoint; some providers write it into the ID token.
  conformIdTokenClaims: method !== 'post',
  clientAuthMethods: [client.token_endpoint_auth_method],
  enabledJWA: { idTokenSigningAlgValues: [algorithm] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.com`, email_verified: id === 'ann', name: `${id} of the provider` }),
  }),
})
provider.on('server_error', (_, error) => console.error(error))
provider.listen(Number(port), '127.0.0.1')
