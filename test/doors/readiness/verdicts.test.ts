import { createHmac } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import t from 'tap'
import { checkVerdicts } from '../../../src/doors/readiness/verdicts.ts'
import { keyMark } from '../../../src/scan/verdicts/copies/secrets.ts'
import { startStore, storeMissing } from '../../programs/store-server.ts'
import { host } from './host.ts'

/** Check asks the store that hosts share. */

t.test('without a store nothing is reported', async (t) => {
  for (const VERDICTS of ['', 'memory', 'off']) t.same(await checkVerdicts(host({ VERDICTS })), [])
})

t.test('a store answers, or that it does not is reported', { skip: storeMissing }, async (t) => {
  const store = await startStore(t)
  const CLUSTERKEYS = `${t.testdir({})}/ring`
  const secret = Buffer.alloc(32, 7).toString('base64url')
  writeFileSync(CLUSTERKEYS, `hmac-sha256:alpha:${secret}\n`, { mode: 0o600 })
  const env = { VERDICTS: `unix:${store.socket}`, VERDICTTIMEOUT: '1000', CLUSTERKEYS }
  t.match(await checkVerdicts(host(env)), [{ level: 'ok', value: /answers in [\d.]+ ms/ }])
  t.match(await checkVerdicts(host({ ...env, CLUSTERKEYS: '' })), [
    { level: 'error', value: /need an hmac-sha256 key/ },
    { level: 'ok' },
  ])
  store.say('set', 'onescan:verdict:1:mark', String(keyMark(Buffer.alloc(32, 7), { createHmac })))
  t.match(await checkVerdicts(host(env)), { length: 1 }, 'another host has the same key')
  store.say('set', 'onescan:verdict:1:mark', String(keyMark(Buffer.alloc(32, 8), { createHmac })))
  t.match(await checkVerdicts(host(env)), [
    { level: 'ok' },
    { level: 'warning', value: /hosts with another key than alpha use it, too/ },
  ])
  store.say('config', 'set', 'maxmemory', '1')
  t.match(await checkVerdicts(host(env)), [{ level: 'warning', value: /OOM command not allowed/ }])
  await store.kill()
  t.match(await checkVerdicts(host(env)), [{ level: 'warning', value: /ECONNREFUSED|ENOENT/ }])
})
