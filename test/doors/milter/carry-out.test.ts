import t from 'tap'
import { carryOut } from '../../../src/doors/milter/carry-out.ts'
import { readAddress } from '../../../src/mail/message/envelope/address.ts'
import { Header } from '../../../src/mail/message/header-block.ts'
import { createPacketReader } from '../../../src/protocol/milter/packets.ts'
import { bareAddress } from '../../../src/protocol/shared/smtp.ts'
import type { Decision, DecisionDetails } from '../../../src/scan/judge/decision.ts'

/** Decisions as packets. */

const details: DecisionDetails = { scan: 'clean', why: '', times: {} }
const told = {
  header: new Header(
    Buffer.from(
      'Received: x\r\nX-QHPSI: one\r\nSubject: x\r\nx-qhpsi: two\r\n\tfold\r\nX-QHPSI : three\r\n\r\n',
    ),
  ),
  paths: ['<a@example.org>', '<b@example.org>'].map((path) => Buffer.from(path)),
}
const agreement = { version: 6, actions: 0x1ff, steps: 0x100000 }

function packetsOf(decision: Decision, agreed = agreement): string[] {
  const reader = createPacketReader(() => 1_000_000)
  reader.push(carryOut(decision, told, agreed))
  const packets: string[] = []
  for (let next = reader.next(); next; next = reader.next()) {
    packets.push(next.type + next.payload.toString('latin1'))
  }
  return packets
}

t.test(
  'fields are deleted by name from the last one up, then new ones go to one place, last first',
  async (t) => {
    const edits = {
      remove: ['x-qhpsi'],
      add: [
        { name: 'X-QHPSI', value: 'clean' },
        { name: 'X-MD5-Cluster-1', value: '0123' },
      ],
    }
    t.same(packetsOf({ kind: 'accept', edits, details }), [
      'm\0\0\0\x02x-qhpsi\0\0',
      'm\0\0\0\x01x-qhpsi\0\0',
      'm\0\0\0\x01x-qhpsi \0\0', // of an MTA that takes the blank for part of the name
      'i\0\0\0\x00X-MD5-Cluster-1\0 0123\0',
      'i\0\0\0\x00X-QHPSI\0 clean\0',
      'a',
    ])
  },
)

const edits = { remove: [], add: [] }
const toQuarantine = (...recipients: string[]): Decision => ({
  kind: 'accept',
  edits,
  details,
  recipients: recipients.map((recipient) => readAddress(recipient)),
})

t.test('old recipients are removed before a new one is added', async (t) => {
  t.same(packetsOf(toQuarantine('v@example.org')), [
    '-<a@example.org>\0',
    '-<b@example.org>\0',
    '+<v@example.org>\0',
    'a',
  ])
  t.same(packetsOf(toQuarantine('b@example.org')), ['-<a@example.org>\0', 'a'], 'one of them stays')
})

// promise: rule-11-recipients
t.test('an MTA that does not let recipients be changed gets no mail to deliver', async (t) => {
  const cannot = { ...agreement, actions: 0x11 }
  t.throws(() => packetsOf(toQuarantine('v@example.org'), cannot), {
    name: 'Fault',
    message: /VIRUSFORWARD/,
  })
})

t.test('a refusal has the code that goes with its reason', async (t) => {
  const refusal = (
    kind: 'reject' | 'defer',
    grounds: 'virus' | 'header-too-large' | 'unscanned',
  ) => {
    const digit = kind === 'reject' ? 5 : 4
    const reply = { class: digit, enhanced: `${digit}.7.1`, text: 'why', grounds } as const
    return packetsOf({ kind, reply, details })
  }
  t.same(refusal('reject', 'virus'), ['y550 5.7.1 why\0'])
  t.same(refusal('reject', 'header-too-large'), ['y552 5.7.1 why\0'])
  t.same(refusal('defer', 'unscanned'), ['y451 4.7.1 why\0'])
  t.same(packetsOf({ kind: 'discard', details }), ['d'])
})

t.test('an address is what stands between the angle brackets', async (t) => {
  const bare = (path: string) => bareAddress(Buffer.from(path)).toString()
  t.equal(bare('<a@b>'), 'a@b')
  t.equal(bare('<>'), '')
  t.equal(bare('a@b'), 'a@b')
  t.equal(bare('<a@b'), '<a@b')
  t.equal(bare(''), '')
})
