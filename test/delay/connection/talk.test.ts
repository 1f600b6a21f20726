import fc from 'fast-check'
import t from 'tap'
import type { ClientConnection } from '../../../src/delay/connection/client-connection.ts'
import { talk } from '../../../src/delay/connection/talk.ts'
import {
  COMMANDS_MAX,
  Conversation,
  INPUT_MAX,
  TALK_SECONDS,
} from '../../../src/delay/shared/conversation.ts'

/** What a refused client hears, whose bytes come in these pieces. */
function heard(...pieces: readonly string[]): string {
  const conversation = new Conversation('no')
  return pieces.map((piece) => conversation.hear(Buffer.from(piece, 'latin1')).text).join('')
}

t.test('commands get the replies that rblsmtpd gives', async (t) => {
  const accepted = ['EHLO x\r', 'helo x', 'MAIL FROM:<a@example.org>\r', 'RSET\r', 'noop']
  for (const line of accepted) t.match(heard(`${line}\n`), /^250 /, line)
  for (const line of ['RCPT TO:<x>\r', 'DATA\r', 'AUTH PLAIN', '', 'EHLOX', 'GET / HTTP/1.1']) {
    t.equal(heard(`${line}\n`), '451 no\r\n', line)
  }
  t.match(heard('Quit\r\n'), /^221 /)
})

t.test('lines are the same in every split of their bytes', async (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('NOOP', 'RCPT TO', 'X', ' ', '\r', '\n'), { maxLength: 20 }),
      fc.array(fc.nat(60), { maxLength: 6 }),
      (words, cuts) => {
        const text = words.join('')
        const ends = [...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length]
        const pieces = ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end))
        t.equal(heard(...pieces), heard(text))
      },
    ),
    { numRuns: 300 },
  )
})

/** A client that sends one of these pieces every `every` milliseconds of its own clock. */
function client(pieces: Iterator<string>, every = 0) {
  let now = 0
  const said: string[] = []
  const connection: ClientConnection = {
    watch: () => 'silent',
    watchLeaving: () => 'silent',
    read(time) {
      if (every > time) {
        now += Math.max(time, 0)
        return undefined
      }
      now += every
      const { done, value } = pieces.next()
      return done ? Buffer.alloc(0) : Buffer.from(value, 'latin1')
    },
    write(text) {
      said.push(...text.split(/(?<=\n)/))
      return true
    },
  }
  talk(connection, 'no', () => now)
  return { said, now }
}

function* endless(piece: string) {
  for (;;) yield piece
}

t.test('a client that sends one byte a second is dropped after a minute', async (t) => {
  const { said, now } = client(endless('x'), 1000)
  t.ok(now <= (TALK_SECONDS + 2) * 1000, `${now} ms`)
  t.match(said.at(-1), /^421 /)
})

t.test('a client that sends without end is dropped', async (t) => {
  let bytes = 0
  const pieces = (function* () {
    for (; bytes < 100_000_000; bytes += 16384) yield 'x'.repeat(16384)
  })()
  const { said } = client(pieces)
  t.match(said.at(-1), /^421 /)
  t.ok(bytes < INPUT_MAX + 5 * 1024 * 1024, `${bytes} bytes were taken`)
})

t.test('a client with too many commands is dropped', async (t) => {
  const { said } = client(endless('NOOP\r\n'.repeat(10)))
  t.equal(said.length, 1 + COMMANDS_MAX + 1)
  t.match(said.at(-1), /^421 /)
})

t.test('QUIT and the end of the stream end the conversation', async (t) => {
  t.equal(client(['EHLO x\r\nQUIT\r\nNOOP\r\n'][Symbol.iterator]()).said.length, 3)
  t.equal(client(['EHLO x\r\nNO'][Symbol.iterator]()).said.length, 2)
})
