import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkQuota } from '../../../src/doors/readiness/quota.ts'
import { udpService } from '../../scan/quota/services.ts'
import { host, inShort } from './host.ts'

/** Check asks the service that knows which mailboxes are full. */

t.test('without QUOTAD nothing is checked', async (t) => {
  t.same(await checkQuota(host({})), [])
})

t.test('a service that gives any answer is well', async (t) => {
  for (const word of ['QUOTA_OK', 'QUOTA_FULL', 'QUOTA_UNKNOWN', 'QUOTA_ERROR']) {
    const { port } = await udpService(t, () => word)
    const QUOTAD = `udp:127.0.0.1:${port}`
    t.match(await checkQuota(host({ QUOTAD })), [
      { level: 'ok', what: 'QUOTAD', value: `${QUOTAD} answers` },
    ])
  }
})

t.test('a silent service is a warning: no mailbox counts as full', async (t) => {
  const { port } = await udpService(t, () => undefined)
  const QUOTAD = `udp:127.0.0.1:${port}`
  const [finding] = await checkQuota(host({ QUOTAD, QUOTATIMEOUT: '50' }))
  t.equal(inShort(finding!), 'warning QUOTAD')
  t.match(finding, { value: `${QUOTAD}: no answer in 50 ms` })
})

t.test('a map that names no service for the question is no fault of a service', async (t) => {
  const file = join(t.testdir(), 'map')
  writeFileSync(file, '@example.org udp:127.0.0.1:9\n')
  const [finding] = await checkQuota(host({ QUOTAD: `map:${file}` }))
  t.match(finding, { level: 'ok', value: /names no service for postmaster/ })
})
