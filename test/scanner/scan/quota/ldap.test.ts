import t, { type Test } from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import { openQuotaClient } from '../../../../src/scanner/scan/quota/quota-client.ts'
import { readQuotaSettings } from '../../../../src/scanner/scan/quota/quota-settings.ts'
import { type Slapd, slapdMissing, startSlapd } from '../../../programs/servers/slapd.ts'
import { until } from '../../../run/until.ts'
import { extendedAnswer, udpService } from './services.ts'

/** The client finds the host of a mailbox in a directory (mailHost), which is a real slapd. */

const name = (local: string) => readAddress(`${local}@example.org`)

t.test('over LDAP', { skip: slapdMissing }, async (t) => {
  const service = await udpService(t, extendedAnswer({ 'ann@example.org': [9, 9] }))
  const host = '127.0.0.1'
  const slapd = await startSlapd(t, [
    { uid: 'ann', mail: 'ann@example.org', mailHost: host },
    { uid: 'ben', mail: 'ben@example.org' },
    { uid: 'cy', mail: 'cy@example.org', mailHost: host },
    { uid: 'cy2', mail: 'cy@example.org', mailHost: host },
    { uid: 'eve', mail: 'eve@example.org', mailHost: 'a b:1 x' },
  ])
  const client = (t: Test, timeout?: number) => open(t, slapd, service.port, timeout)

  t.test('the backend on the host that the directory names is asked', async (t) => {
    const quota = client(t)
    t.match(await quota.ask(name('ann')), { status: 'full' })
    t.match(await quota.explain(name('ann')), { source: `quotad:${host}:${service.port}` })
  })

  t.test('a user whom the directory does not know does not exist', async (t) => {
    const quota = client(t)
    t.same(await quota.ask(name('nobody')), { status: 'no-such-user' })
    t.same(await quota.ask(name('nobody')), { status: 'no-such-user' })
    t.equal(quota.counters.cached, 1)
  })

  t.test('the answer is unknown without one well-formed host', async (t) => {
    const quota = client(t)
    t.match(await quota.ask(name('ben')), {
      status: 'unknown',
      reason: /QUOTAD names no service for this address/,
    })
    t.match(await quota.ask(name('cy')), { status: 'unknown', reason: /more than one entry/ })
    t.match(await quota.ask(name('eve')), { status: 'unknown', reason: /must be quotad:HOST:PORT/ })
    t.match(await quota.ask(name('ann')), { status: 'full' }, 'and others are asked about')
  })

  t.test('a question under way when the client is closed still gets its answer', async (t) => {
    const quota = client(t)
    const asked = quota.ask(name('ann'))
    quota.close()
    t.match(await asked, { status: 'full' })
  })

  t.test('only the first question waits for a slow directory', async (t) => {
    const quota = client(t, 300)
    await slapd.pause()
    t.teardown(() => slapd.resume())
    t.match(await quota.ask(name('ann')), { status: 'unknown', reason: /300 ms|timed? ?out/i })
    const rounds = 100
    for (let n = 0; n < rounds; n++) {
      t.match(await quota.ask(name(`user${n}`)), { status: 'unknown', reason: /does not answer/ })
    }
    slapd.resume()
    const isFull = ({ status }: { readonly status: string }) => status === 'full'
    await until(() => quota.ask(name('ann')), 'it is found out that it answers again', isFull)
  })

  t.test('while the directory is down, recipients pass', async (t) => {
    const quota = client(t)
    await slapd.stop()
    t.match(await quota.ask(name('ann')), { status: 'unknown', reason: /connection refused/ })
    await slapd.start()
  })
})

function open(t: Test, slapd: Slapd, port: number, timeout = 30_000) {
  const settings = readQuotaSettings({
    QUOTAD: `ldap:quotad:%h:${port}`,
    QUOTATIMEOUT: `${timeout}`,
    QUOTALDAPURL: slapd.url,
    QUOTALDAPBIND: slapd.bindDn,
    QUOTALDAPPASSWORD: slapd.passwordFile,
  })
  const client = openQuotaClient(settings!, () => {})
  t.teardown(() => client.close())
  return client
}
