import t from 'tap'
import { step } from '../../../../src/scanner/protocol/milter/milter-offer.ts'
import {
  type Edit,
  encodeEdit,
  smtpReply,
} from '../../../../src/scanner/protocol/milter/milter-replies.ts'

/** What a packet holds behind its length, which must be right. */
function content(packet: Buffer): string {
  t.equal(packet.readUInt32BE(), packet.length - 4)
  return packet.toString('latin1', 4)
}

const reply = (lines: readonly string[]) =>
  content(smtpReply({ code: 550, enhanced: '5.7.1', lines }))

t.test('a reply has its codes on every line', async (t) => {
  t.equal(reply(['refused']), 'y550 5.7.1 refused\0')
  t.equal(reply(['one', 'two', 'three']), 'y550-5.7.1 one\r\n550-5.7.1 two\r\n550 5.7.1 three\0')
  t.equal(reply([]), 'y550 5.7.1 \0')
})

// promise: words-forge-nothing, rule-17-outside
t.test('a reply cannot forge a line, and its percent signs are doubled', async (t) => {
  t.equal(reply(['a\r\n250 ok\0\x1b\xfc']), 'y550 5.7.1 a??250 ok???\0')
  t.equal(reply(['100% of %s']), 'y550 5.7.1 100%% of %%s\0')
})

t.test('a reply is cut at the limits of libmilter', async (t) => {
  t.equal(reply(['x'.repeat(5000)]), `y550 5.7.1 ${'x'.repeat(980)}\0`)
  const lines = reply(Array.from({ length: 99 }, (_, i) => `${i}`)).split('\r\n')
  t.equal(lines.length, 32)
  t.equal(lines.at(-1), '550 5.7.1 31\0')
})

t.test('codes of two classes are refused: an MTA would drop such a reply', async (t) => {
  for (const [code, enhanced] of [
    [550, '4.7.1'],
    [451, '5.7.1'],
    [250, '2.0.0'],
    [550, '5.7'],
    [550, ''],
  ] as const) {
    t.throws(() => smtpReply({ code, enhanced, lines: ['x'] }), { name: 'WireError' })
  }
})

const plain = { actions: 0x1ff, steps: 0, lacksSteps: false }

// promise: rule-3-modify
t.test('each edit has its packet', async (t) => {
  const wanted: [Edit, string][] = [
    [{ kind: 'insert-field', index: 1, name: 'A', value: 'b\n c' }, 'i\0\0\0\x01A\0b\n c\0'],
    [{ kind: 'add-field', name: 'A', value: 'b\n c' }, 'hA\0b\n c\0'],
    [{ kind: 'delete-field', index: 258, name: 'A' }, 'm\0\0\x01\x02A\0\0'],
    [{ kind: 'add-recipient', path: '<a@b>' }, '+<a@b>\0'],
    [{ kind: 'delete-recipient', path: '<a@b>' }, '-<a@b>\0'],
    [{ kind: 'quarantine', reason: 'why' }, 'qwhy\0'],
  ]
  for (const [edit, packet] of wanted) {
    t.equal(content(encodeEdit(edit, plain)), packet, edit.kind)
  }
})

t.test('a value has a space before it if the MTA adds none', async (t) => {
  const encode = (edit: Edit) => content(encodeEdit(edit, { ...plain, steps: step.leadingSpace }))
  t.equal(encode({ kind: 'insert-field', index: 0, name: 'A', value: 'b' }), 'i\0\0\0\0A\0 b\0')
  t.equal(
    encode({ kind: 'delete-field', index: 1, name: 'A' }),
    'm\0\0\0\x01A\0\0',
    'but to delete',
  )
})

t.test('a name or an address with a NUL is not sent', async (t) => {
  t.throws(() => encodeEdit({ kind: 'add-recipient', path: '<a\0b>' }, plain), /NUL/)
})
