import t from 'tap'
import { Header } from '../../../src/mail/message/header-block.ts'
import type { Trust } from '../../../src/scan/cluster/verify.ts'
import { readScanningPolicy } from '../../../src/scan/judge/policy.ts'
import { fieldsToRemove, forgeableFields } from '../../../src/scan/judge/removed-fields.ts'

/** Fields that a sender could forge are removed, unless a host of the cluster vouches for them. */

const forwarding = readScanningPolicy({ QHPSI: 'plugin: clamd', VIRUSFORWARD: 'q@example.org' })!
const both = ['x-qhpsi', 'x-quarantine-id']

function headerWith(...names: string[]): Header {
  return new Header(Buffer.from(`${names.map((name) => `${name}: x\n`).join('')}\n`))
}

t.test('X-QHPSI is removed, and X-Quarantine-ID if VIRUSFORWARD is set', async (t) => {
  const plain = readScanningPolicy({ QHPSI: 'plugin: clamd' })!
  t.same(forgeableFields(plain), ['x-qhpsi'])
  t.same(forgeableFields(forwarding), both)
})

const STAMP = 'X-SHA256-Cluster-1'
const stampAt = (stamp: number): Trust => ({ trusted: true, key: 'k', scanners: 'all', stamp })

const headers: readonly (readonly [
  what: string,
  header: Header,
  trust: Trust,
  removed: readonly string[],
])[] = [
  [
    'stays below a trusted stamp, which vouches for it',
    headerWith(STAMP, 'X-Quarantine-ID'),
    stampAt(0),
    ['x-qhpsi'],
  ],
  ['is removed above a trusted stamp', headerWith('X-Quarantine-ID', STAMP), stampAt(1), both],
  [
    'is removed if it stands where the stamp is said to be',
    headerWith('X-Quarantine-ID', STAMP),
    stampAt(0),
    both,
  ],
  [
    'is removed below a stamp that is not trusted',
    headerWith(STAMP, 'X-Quarantine-ID'),
    { trusted: false, why: '' },
    both,
  ],
  [
    'is removed below an md5 stamp, which vouches for no field',
    headerWith('X-MD5-Cluster-1', 'X-Quarantine-ID'),
    { trusted: true, key: 'k', scanners: 'all', stamp: undefined },
    both,
  ],
]
for (const [what, header, trust, removed] of headers) {
  t.test(`X-Quarantine-ID ${what}`, async (t) => {
    t.same(fieldsToRemove(header, trust, forwarding), removed)
  })
}
