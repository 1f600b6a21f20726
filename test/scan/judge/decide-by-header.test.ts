import { join } from 'node:path'
import t from 'tap'
import { Header } from '../../../src/mail/message/header-block.ts'
import type { Trust } from '../../../src/scan/cluster/verify.ts'
import { readScanningConfig } from '../../../src/scan/judge/config.ts'
import { decideByHeader, fieldsToRemove } from '../../../src/scan/judge/decide-by-header.ts'
import type { SingleDecision } from '../../../src/scan/judge/decision.ts'

/** Mail whose header cannot be edited is decided about before anything else looks at it. */

const QUARANTINE = join(t.testdir({ kept: {} }), 'kept')

function decideBy(
  header: string,
  settings: Readonly<Record<string, string>> = {},
  isBounceInjector = false,
): SingleDecision | undefined {
  const config = readScanningConfig({ QHPSI: 'plugin: clamd', ...settings })!
  const client = { mayRelay: false, isClusterPeer: false, isBounceInjector }
  const message = { header: new Header(Buffer.from(header)), isHeaderTooLarge: false }
  return decideByHeader({ message, client }, config)
}

const unclear = 'A: b\nno field\nX-QHPSI: clean\n\n'
const why = 'its header is malformed and has X-QHPSI in it'

const refused: SingleDecision = {
  kind: 'reject',
  reply: {
    class: 5,
    enhanced: '5.6.0',
    text: `message refused: ${why}`,
    grounds: 'unclear-header',
  },
  details: { scan: 'skipped', why: `message refused: ${why}`, times: {} },
}

t.test('a header from which X-QHPSI cannot be removed is refused with the reason', async (t) => {
  t.same(decideBy(unclear), refused)
  t.same(decideBy(unclear, {}, true), refused, 'a bounce, too')
  t.same(decideBy(unclear, { QUARANTINE, REJECTVIRUS: '1' }), refused, 'REJECTVIRUS comes first')
})

t.test('no MTA holds a message with such a header: it could deliver the field later', async (t) => {
  t.same(decideBy(unclear, { QUARANTINE: 'hold' }), refused)
})

t.test('a quarantine directory keeps a message with such a header as it came', async (t) => {
  const kept: SingleDecision = {
    kind: 'quarantine',
    quarantine: { kind: 'directory', directory: QUARANTINE },
    grounds: 'unclear-header',
    edits: { remove: [], add: [] },
    details: { scan: 'skipped', why, times: {} },
  }
  t.same(decideBy(unclear, { QUARANTINE }), kept)
  const bounce = decideBy(unclear, { QUARANTINE, REJECTVIRUS: '1' }, true)
  t.same(bounce, kept, 'a refused bounce would come again for ever')
})

/** Fields that a sender could forge are removed, unless a host of the cluster vouches for them. */

const forwarding = readScanningConfig({ QHPSI: 'plugin: clamd', VIRUSFORWARD: 'q@example.org' })!
const both = ['x-qhpsi', 'x-quarantine-id']

function headerWith(...names: string[]): Header {
  return new Header(Buffer.from(`${names.map((name) => `${name}: x\n`).join('')}\n`))
}

const STAMP = 'X-SHA256-Cluster-1'
const stampAt = (stamp: number): Trust => ({ trusted: true, key: 'k', scanners: 'all', stamp })

const headers: readonly (readonly [
  what: string,
  header: Header,
  trust: Trust,
  removed: readonly string[],
])[] = [
  [
    'is removed if it stands where the stamp is said to be',
    headerWith('X-Quarantine-ID', STAMP),
    stampAt(0),
    both,
  ],
  [
    'is removed below an md5 stamp, which vouches for no field',
    headerWith('X-MD5-Cluster-1', 'X-Quarantine-ID'),
    { trusted: true, key: 'k', scanners: 'all', stamp: undefined },
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
