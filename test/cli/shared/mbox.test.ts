import fc from 'fast-check'
import t from 'tap'
import { createMboxReader, type MboxPiece } from '../../../src/cli/shared/mbox.ts'

/** The messages of a mailbox that comes in pieces which end at each of `cuts`. */
function split(mailbox: string, cuts: readonly number[] = []): string[] {
  const reader = createMboxReader()
  const messages: string[] = []
  const take = (pieces: Iterable<MboxPiece>) => {
    for (const piece of pieces) {
      if (piece.kind === 'message') messages.push('')
      else messages[messages.length - 1] += piece.bytes.toString('latin1')
    }
  }
  const bytes = Buffer.from(mailbox, 'latin1')
  let from = 0
  for (const cut of [...cuts, bytes.length]) {
    take(reader.push(bytes.subarray(from, cut)))
    from = cut
  }
  take(reader.finish())
  return messages
}

const FROM = 'From a@example.org Thu Jan  1 00:00:00 2026'

t.test('messages are split at lines "From " that follow an empty line', async (t) => {
  t.same(split(`${FROM}\nSubject: 1\n\none\n\n${FROM}\nSubject: 2\n\ntwo\n\n`), [
    'Subject: 1\n\none\n',
    'Subject: 2\n\ntwo\n',
  ])
})

t.test('"From " in the middle of a text, or quoted, splits nothing', async (t) => {
  const body = 'Subject: 1\n\none\nFrom here on\n\n>From there on\n\nfrom a\n\nFro\n\n From b\n'
  t.same(split(`${FROM}\n${body}\n`), [body])
})

t.test(
  'one empty line at the end belongs to the mailbox, more of them to the message',
  async (t) => {
    t.same(split(`${FROM}\na\n\n\n\n${FROM}\nb\n\n\n`), ['a\n\n\n', 'b\n\n'])
    t.same(split(`${FROM}\na`), ['a'], 'not even a line end')
  },
)

t.test('an empty message counts as one', async (t) => {
  t.same(split(`${FROM}\n\n${FROM}\n${FROM}\nb\n`), ['', '', 'b\n'])
  t.same(split(FROM), [''])
  t.same(split(''), [])
})

t.test('CRLF is a line end, too', async (t) => {
  t.same(split(`${FROM}\r\na\r\n\r\nFrom b\r\nc\r\n\r\n`), ['a\r\n', 'c\r\n'])
})

t.test('a mailbox reads the same in every split of its bytes', async (t) => {
  const line = fc.constantFrom(
    '',
    '\r',
    'From x',
    'Fro',
    'F',
    '>From ',
    'text',
    '\0\u00ff',
    'Fromage',
  )
  fc.assert(
    fc.property(
      fc.array(line, { maxLength: 12 }),
      fc.array(fc.nat({ max: 120 }), { maxLength: 10 }),
      (lines, cuts) => {
        const mailbox = `${FROM}\n${lines.join('\n')}`
        const inside = cuts.filter((cut) => cut <= mailbox.length).sort((a, b) => a - b)
        t.same(split(mailbox, inside), split(mailbox))
      },
    ),
  )
})

t.test('messages come out of a mailbox as they were put in', async (t) => {
  const line = fc.constantFrom('', 'a', '>From a', 'Subject: b')
  const message = fc
    .array(line, { minLength: 1, maxLength: 6 })
    .map((lines) => `${lines.join('\n')}\n`)
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
      const mailbox = messages.map((text) => `${FROM}\n${text}\n`).join('')
      t.same(split(mailbox), messages)
    }),
  )
})

t.test('a line without an end is not kept in memory', async (t) => {
  const reader = createMboxReader()
  let seen = 0
  let largest = 0
  const chunk = Buffer.alloc(64 * 1024, 'x')
  for (const piece of reader.push(Buffer.from(`${FROM}\n`))) t.equal(piece.kind, 'message')
  for (let i = 0; i < 100; i++) {
    for (const piece of reader.push(chunk)) {
      if (piece.kind !== 'bytes') continue
      seen += piece.bytes.length
      largest = Math.max(largest, piece.bytes.length)
    }
  }
  t.equal(seen, 100 * chunk.length)
  t.ok(largest <= chunk.length + 16)
})
