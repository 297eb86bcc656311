// A whole AT Protocol network on loopback: directory, PDS, AppView and Ozone, with accounts to use.
// Usage: REDIS_HOST=127.0.0.1:PORT DB_POSTGRES_URL=URL node network.mjs
// Prints one line "READY {json}" when it can be used; ends when standard input does, or on SIGTERM.
import net from 'node:net'
import { createRequire } from 'node:module'

const listen = net.Server.prototype.listen
net.Server.prototype.listen = function (...args) {
  const [first] = args
  if (typeof first === 'number' || typeof first === 'string') {
    const rest = args.slice(1).filter((arg) => typeof arg !== 'string')
    return listen.call(this, Number(first), '127.0.0.1', ...rest)
  }
  if (first && typeof first === 'object' && !first.path) {
    return listen.call(this, { ...first, host: '127.0.0.1' }, ...args.slice(1))
  }
  return listen.apply(this, args)
}

// The packages lie in the cache folder that this file was copied to, where the working directory is.
const { TestNetwork } = createRequire(process.cwd() + '/')('@atproto/dev-env')

const network = await TestNetwork.create({
  dbPostgresUrl: process.env.DB_POSTGRES_URL,
  dbPostgresSchema: 'seawall',
  pds: { hostname: 'localhost', enableDidDocWithSession: true },
  bsky: {},
  plc: {},
  ozone: { dbMaterializedViewRefreshIntervalMs: 2000 },
})

async function account(name) {
  const agent = network.pds.getClient()
  const handle = `${name}.test`
  const { data } = await agent.com.atproto.server.createAccount({
    handle,
    email: `${name}@mail.example`,
    password: `${name}-password`,
  })
  const headers = { authorization: `Bearer ${data.accessJwt}` }
  const { data: app } = await agent.com.atproto.server.createAppPassword(
    { name: 'test' },
    { headers, encoding: 'application/json' },
  )
  return { handle, did: data.did, password: app.password, mainPassword: `${name}-password` }
}

const accounts = {}
for (const name of ['author', 'reporter', 'watcher', 'moderator']) {
  accounts[name] = await account(name)
}
await network.ozone.addModeratorDid(accounts.moderator.did)
await network.ozone.addTriageDid(accounts.watcher.did)
await network.processAll()

async function stop() {
  setTimeout(() => process.exit(1), 10_000).unref()
  await network.close().catch((error) => console.error(error))
  process.exit(0)
}
process.on('SIGTERM', stop)
process.stdin.on('end', stop)
process.stdin.resume()

const facts = {
  plc: network.plc.url,
  pds: network.pds.url,
  appview: network.bsky.url,
  ozone: network.ozone.url,
  labeler: network.ozone.ctx.cfg.service.did,
  admin: 'admin-pass',
  accounts,
}
console.log('READY ' + JSON.stringify(facts))
