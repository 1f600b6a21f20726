import t from 'tap'
import { readAddress } from '../../../../src/base/text/address.ts'
import type { HeaderEdits } from '../../../../src/mail/message/header-block.ts'
import { Header } from '../../../../src/mail/message/header-block.ts'
import { encodeDecision } from '../../../../src/scanner/doors/milter/encode-decision.ts'
import { createPacketReader } from '../../../../src/scanner/protocol/milter/packets.ts'

/** The edits of an accepted message, in the order in which MTAs carry them out. */

const header =
  'Received: x\r\nX-QHPSI: one\r\nSubject: x\r\nx-qhpsi: two\r\n\tfold\r\nX-QHPSI : three\r\n'
const mail = {
  header: new Header(Buffer.from(`${header}\r\n`)),
  paths: ['<a@example.org>', '<b@example.org>'].map((path) => Buffer.from(path)),
}

function packetsOf(edits: HeaderEdits, ...forward: readonly string[]): string[] {
  const details = { scan: 'clean', reason: '', times: {} } as const
  const to = forward.length > 0 && { recipients: forward.map(readAddress) }
  const reader = createPacketReader(() => 1_000_000)
  const agreement = { version: 6, actions: 0x1ff, steps: 0x100000, lacksSteps: false }
  reader.push(encodeDecision({ kind: 'accept', edits, details, ...to }, mail, agreement))
  const packets: string[] = []
  for (let next = reader.next(); next; next = reader.next()) {
    packets.push(next.type + next.payload.toString('latin1'))
  }
  return packets
}

t.test('fields go by name from the last one up, then new ones come, last first', async (t) => {
  const add = [
    { name: 'X-QHPSI', value: 'clean' },
    { name: 'X-MD5-Cluster-1', value: '0123' },
  ]
  t.same(packetsOf({ remove: ['x-qhpsi'], add }), [
    'm\0\0\0\x02x-qhpsi\0\0',
    'm\0\0\0\x01x-qhpsi\0\0',
    'm\0\0\0\x01x-qhpsi \0\0', // of an MTA that takes the blank for part of the name
    'i\0\0\0\x00X-MD5-Cluster-1\0 0123\0',
    'i\0\0\0\x00X-QHPSI\0 clean\0',
    'a',
  ])
})

t.test('old recipients are removed before a new one is added', async (t) => {
  const none = { remove: [], add: [] }
  const [a, b, v] = ['-<a@example.org>\0', '-<b@example.org>\0', '+<v@example.org>\0']
  t.same(packetsOf(none, 'v@example.org'), [a, b, v, 'a'])
  t.same(packetsOf(none, 'b@example.org'), [a, 'a'], 'one of them stays')
})
