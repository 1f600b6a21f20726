import { join } from 'node:path'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { Header } from '../../../../src/mail/message/header-block.ts'
import { readScanningConfig } from '../../../../src/scanner/scan/judge/context/judge-config.ts'
import { decideByHeader } from '../../../../src/scanner/scan/judge/decision/decide-by-header.ts'
import type { SingleDecision } from '../../../../src/scanner/scan/judge/decision/decision.ts'
import { fieldsToRemove } from '../../../../src/scanner/scan/judge/decision/fields-to-remove.ts'
import type { Trust } from '../../../../src/scanner/scan/stamps/verify-stamps.ts'

/** Mail whose header cannot be edited is decided about before anything else looks at it. */

const QUARANTINE = join(t.testdir({ kept: {} }), 'kept')

function decideBy(
  header: string,
  settings: Readonly<Record<string, string>> = {},
  isBounceInjector = false,
): Promise<SingleDecision | undefined> {
  const config = readScanningConfig({ QHPSI: 'plugin: clamd', ...settings })!
  const client = { mayRelay: false, isClusterPeer: false, isBounceInjector }
  const whole = { isHeaderCut: false, body: Bytes.of(Buffer.alloc(0)) }
  const message = { header: new Header(Buffer.from(header)), ...whole }
  return decideByHeader({ message, client }, config)
}

const unclear = 'A: b\nno field\nX-QHPSI: clean\n\n'
const reason = 'its header is malformed and contains X-QHPSI'

const deferred: SingleDecision = {
  kind: 'defer',
  reply: {
    class: 4,
    enhanced: '4.6.0',
    text: `message deferred: ${reason}`,
    grounds: 'unclear-header',
  },
  details: { scan: 'skipped', reason: `message deferred: ${reason}`, times: {} },
}

t.test('mail from which X-QHPSI cannot be removed is deferred with the reason', async (t) => {
  t.same(await decideBy(unclear), deferred)
  t.same(await decideBy(unclear, {}, true), deferred, 'a bounce, too')
  t.same(
    await decideBy(unclear, { QUARANTINE, REJECTVIRUS: '1' }),
    deferred,
    'REJECTVIRUS comes first',
  )
})

t.test('no MTA holds a message with such a header: it could deliver the field later', async (t) => {
  t.same(await decideBy(unclear, { QUARANTINE: 'hold' }), deferred)
})

t.test('a quarantine directory keeps a message with such a header as it came', async (t) => {
  const kept: SingleDecision = {
    kind: 'quarantine',
    quarantine: { kind: 'directory', directory: QUARANTINE },
    grounds: 'unclear-header',
    edits: { remove: [], add: [] },
    details: { scan: 'skipped', reason, times: {} },
  }
  t.same(await decideBy(unclear, { QUARANTINE }), kept)
  const bounce = await decideBy(unclear, { QUARANTINE, REJECTVIRUS: '1' }, true)
  t.same(bounce, kept, 'a refused bounce would come again each time')
})

/** Fields that a sender could forge are removed, unless a host of the cluster covers them. */

const forwarding = readScanningConfig({ QHPSI: 'plugin: clamd', VIRUSFORWARD: 'q@example.org' })!
const both = ['x-qhpsi', 'x-quarantine-id']

function headerWith(...names: string[]): Header {
  return new Header(Buffer.from(`${names.map((name) => `${name}: x\n`).join('')}\n`))
}

const STAMP = 'X-SHA256-Cluster-1'
const stampAt = (stamp: number): Trust => ({ isTrusted: true, key: 'k', scanners: 'all', stamp })

const headers: readonly (readonly [
  what: string,
  header: Header,
  trust: Trust,
  removed: readonly string[],
])[] = [
  [
    'is removed if it is where the stamp should be',
    headerWith('X-Quarantine-ID', STAMP),
    stampAt(0),
    both,
  ],
  [
    'is removed below an md5 stamp, which vouches for no field',
    headerWith('X-MD5-Cluster-1', 'X-Quarantine-ID'),
    { isTrusted: true, key: 'k', scanners: 'all', stamp: undefined },
    both,
  ],
]
t.test('X-QHPSI is removed, and X-Quarantine-ID only if VIRUSFORWARD is set', async (t) => {
  const plain = readScanningConfig({ QHPSI: 'plugin: clamd' })!
  t.same(fieldsToRemove(headerWith('X-Quarantine-ID'), stampAt(1), plain), ['x-qhpsi'])
})
for (const [what, header, trust, removed] of headers) {
  t.test(`X-Quarantine-ID ${what}`, async (t) => {
    t.same(fieldsToRemove(header, trust, forwarding), removed)
  })
}
