import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { checkQuotad, checkVerdicts } from '../../../src/scanner/readiness/check-servers.ts'
import { keyMark } from '../../../src/scanner/scan/verdicts/copies/secrets.ts'
import { complaints } from '../../check-lines.ts'
import { lacks } from '../../needs.mjs'
import { freePort } from '../../programs/host/free-port.ts'
import {
  makeCertificate,
  startCluster,
  startStore,
  storeMissing,
} from '../../programs/servers/store-server.ts'
import { httpService, udpService } from '../scan/quota/services.ts'
import { host } from './host.ts'

/** Check asks the service that knows which mailboxes are full, and the store that hosts share. */

t.test('without QUOTAD nothing is checked', async (t) => {
  t.same(await checkQuotad(host({})), [])
})

t.test('a service that gives any answer has no problem', async (t) => {
  for (const word of ['QUOTA_OK', 'QUOTA_FULL', 'QUOTA_UNKNOWN', 'QUOTA_ERROR']) {
    const { port } = await udpService(t, () => word)
    const QUOTAD = `udp:127.0.0.1:${port}`
    t.match(await checkQuotad(host({ QUOTAD })), [
      { level: 'ok', what: 'QUOTAD', value: `${QUOTAD} answers` },
    ])
  }
})

t.test('a service that knows mailboxes by the other form of their names is reported', async (t) => {
  const control = t.testdir({ me: 'example.org\n' })
  const passwd = 'root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann:/bin/sh\n'
  const here = { directories: { qmailHome: '/', control }, accounts: { passwd, group: '' } }
  const check = async (known: string, more: Record<string, string> = {}) => {
    const { port } = await udpService(t, (question) => {
      const [, name = '', , nonce] = question.split(' ')
      const answer = name === known ? `QUOTA_OK ${name} 100 200` : `QUOTA_UNKNOWN ${name}`
      return `${answer} ${nonce}`
    })
    return checkQuotad(host({ QUOTAD: `quotad:127.0.0.1:${port}`, ...more }, here))
  }
  t.match(await check('ann'), [
    {
      level: 'warning',
      what: 'QUOTANAME',
      value:
        'the service knows ann and not ann@example.org, so no mailbox of example.org is treated as full',
      remedy: 'add example.org to QUOTADOMAINS of onescan-quotad, or set QUOTANAME=local',
    },
  ])
  t.match(await check('ann@example.org', { QUOTANAME: 'local' }), [
    { level: 'warning', remedy: 'set QUOTANAME=address' },
  ])
  t.match(await check('ann', { QUOTANAME: 'local' }), [{ level: 'ok' }])
  t.match(await check('ann@example.org'), [{ level: 'ok' }])
  t.match(await check('ben'), [{ level: 'ok' }], 'nothing is known about a stranger')
})

t.test('a silent service is a warning: no mailbox is treated as full', async (t) => {
  const { port } = await udpService(t, () => undefined)
  const QUOTAD = `udp:127.0.0.1:${port}`
  const [checkLine] = await checkQuotad(host({ QUOTAD, QUOTATIMEOUT: '50' }))
  t.same(complaints([checkLine!]), ['warning QUOTAD'])
  t.match(checkLine, { value: `${QUOTAD}: no answer in 50 ms` })
})

t.test('a map that names no service for the question is not a fault of a service', async (t) => {
  const file = join(t.testdir(), 'map')
  writeFileSync(file, '@example.org udp:127.0.0.1:9\n')
  const [checkLine] = await checkQuotad(host({ QUOTAD: `map:${file}` }))
  t.match(checkLine, { level: 'ok', value: /specifies no service for postmaster/ })
})

t.test('without a store nothing is reported', async (t) => {
  for (const VERDICTS of ['', 'memory', 'off']) t.same(await checkVerdicts(host({ VERDICTS })), [])
})

/** Whether in time or, on a busy machine, late. */
const ANSWERS = { what: 'VERDICTS', value: /answers in [\d.]+ m?s/ }

t.test('a store answers, or that it does not is reported', { skip: storeMissing }, async (t) => {
  const store = await startStore(t)
  const CLUSTERKEYS = `${t.testdir({})}/ring`
  const secret = Buffer.alloc(32, 7).toString('base64url')
  writeFileSync(CLUSTERKEYS, `hmac-sha256:alpha:${secret}\n`, { mode: 0o600 })
  const env = { VERDICTS: `unix:${store.socket}`, CLUSTERKEYS }
  t.match(await checkVerdicts(host(env)), [ANSWERS])
  t.match(await checkVerdicts(host({ ...env, CLUSTERKEYS: '' })), [
    { level: 'error', value: /need an hmac-sha256 key/ },
    ANSWERS,
  ])
  store.command(
    'set',
    'onescan:verdict:1:mark',
    String(keyMark(Buffer.alloc(32, 7), { createHmac })),
  )
  t.match(await checkVerdicts(host(env)), { length: 1 }, 'another host has the same key')
  store.command(
    'set',
    'onescan:verdict:1:mark',
    String(keyMark(Buffer.alloc(32, 8), { createHmac })),
  )
  t.match(await checkVerdicts(host(env)), [
    ANSWERS,
    { level: 'warning', value: /is also used by hosts without the key alpha/ },
  ])
  store.command('config', 'set', 'maxmemory', '1')
  t.match(await checkVerdicts(host(env)), [{ level: 'warning', value: /OOM command not allowed/ }])
  await store.stop()
  t.match(await checkVerdicts(host(env)), [
    { level: 'warning', value: /connection refused|no such file or directory/ },
  ])
})

t.test(
  'the error of a store that refuses this host is reported',
  { skip: storeMissing },
  async (t) => {
    const store = await startStore(t, { args: ['--maxclients', '1'] })
    const other = connect(store.port, '127.0.0.1')
    t.teardown(() => other.destroy())
    other.write('PING\r\n')
    await once(other, 'data')
    for (const VERDICTS of [`valkey://127.0.0.1:${store.port}`, `unix:${store.socket}`]) {
      const found = await checkVerdicts(host({ VERDICTS }))
      t.match(found.at(-1), { level: 'warning', value: /max number of clients reached/ }, VERDICTS)
    }
  },
)

t.test(
  'the remedy for a store names the setting',
  { skip: storeMissing || lacks('openssl') },
  async (t) => {
    const { cert, key } = makeCertificate(t.testdir())
    const tls = await freePort()
    const files = ['--tls-cert-file', cert, '--tls-key-file', key, '--tls-auth-clients', 'no']
    const args = [
      ...files,
      '--tls-ca-cert-file',
      cert,
      '--tls-port',
      String(tls),
      '--databases',
      '2',
    ]
    const store = await startStore(t, { args })
    const plain = `127.0.0.1:${store.port}`
    const remedy = async (VERDICTS: string, more: Record<string, string> = {}) => {
      const env = { VERDICTS, ...more }
      return (await checkVerdicts(host(env))).at(-1)?.remedy
    }
    t.match(
      await remedy(`valkey://${plain}/7`),
      /^the number at the end of VERDICTS must be below `databases`/,
    )
    t.match(await remedy(`valkeys://127.0.0.1:${tls}`), /VERDICTCA .* authority/)
    t.match(await remedy(`valkey://127.0.0.1:${tls}`), /use valkeys:/)
    t.match(await remedy(`valkeys://${plain}`), /use valkeys:/)
    t.match(await remedy(`valkey://127.0.0.1:${await freePort()}`), /set VERDICTS to its address/)
    store.command('acl', 'setuser', 'guest', 'on', '>secret', '~*', '+ping')
    const VERDICTPASSWORD = join(t.testdir(), 'password')
    writeFileSync(VERDICTPASSWORD, 'wrong\n', { mode: 0o600 })
    t.match(await remedy(`valkey://guest@${plain}`, { VERDICTPASSWORD }), /set VERDICTPASSWORD/)
    writeFileSync(VERDICTPASSWORD, 'secret\n', { mode: 0o600 })
    t.match(
      await remedy(`valkey://guest@${plain}`, { VERDICTPASSWORD }),
      /^grant its user ~onescan/,
    )
    store.command('config', 'set', 'maxmemory', '1')
    t.match(await remedy(`valkey://${plain}`), /^set `maxmemory-policy allkeys-lru`/)
    const replica = await startStore(t, { args: ['--replicaof', '127.0.0.1', String(store.port)] })
    t.match(await remedy(`valkey://127.0.0.1:${replica.port}`), /^set VERDICTS to the primary/)
  },
)

t.test('each primary of a cluster is tried', { skip: storeMissing }, async (t) => {
  const { address, servers } = await startCluster(t)
  const check = async (VERDICTS: string) => (await checkVerdicts(host({ VERDICTS }))).at(-1)
  t.match(await check(address(servers[2]!)), ANSWERS)
  const moved = await Promise.all(servers.map(({ port }) => check(`valkey://127.0.0.1:${port}`)))
  t.equal(moved.filter((line) => /valkey\+cluster:/.test(line?.remedy ?? '')).length, 2)
  const alone = await startStore(t)
  t.match(await check(`valkey+cluster://127.0.0.1:${alone.port}`), { remedy: /^write valkey:/ })

  await servers[0]!.stop()
  const missing = `127.0.0.1:${servers[0]!.port}: connection refused`
  t.match(await check(address()), { level: 'warning', value: missing })
})

t.test("if QUOTAD's service does not know the path, that is not an unknown user", async (t) => {
  const pages: readonly (readonly [type: string, body: string])[] = [
    ['text/plain', 'page not found\n'],
    ['text/html; charset=iso-8859-1', '<!DOCTYPE HTML><title>404 Not Found</title>'],
    ['text/html', `<p>${'x'.repeat(5000)}`],
    ['text/plain', '404 page not found\n'],
  ]
  for (const [type, body] of pages) {
    const { url } = await httpService(t, (_, response) => {
      response.writeHead(404, { 'Content-Type': type }).end(body)
    })
    t.match(await checkQuotad(host({ QUOTAD: url, QUOTATIMEOUT: '5000' })), [
      { level: 'warning', value: /no such page/, remedy: /quota\.cgi/ },
    ])
  }
  const { url } = await httpService(t, (_, response) =>
    response.writeHead(404).end('no such user\n'),
  )
  t.match(await checkQuotad(host({ QUOTAD: url, QUOTATIMEOUT: '5000' })), [{ level: 'ok' }])
})
