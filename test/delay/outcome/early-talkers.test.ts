import fc from 'fast-check'
import t from 'tap'
import type { System } from '../../../src/base/runtime/system.ts'
import { GateConnection } from '../../../src/delay/gate/gate-connection.ts'
import { refuseEarlyTalker } from '../../../src/delay/outcome/early-talkers.ts'

const INPUT_MAX = 64 * 1024
const COMMANDS_MAX = 100

const TALK_SECONDS = 60

/** What a refused client hears, who sends one of these pieces every `every` milliseconds of its own clock. */
async function heard(pieces: Iterator<string>, every = 0) {
  let now = 0
  const replies: string[] = []
  const client = {
    read(time: number) {
      if (every > time) {
        now += Math.max(time, 0)
        return undefined
      }
      now += every
      const { done, value } = pieces.next()
      return done ? Buffer.alloc(0) : Buffer.from(value, 'latin1')
    },
    write(text: string) {
      replies.push(...text.split(/(?<=\n)/))
      return true
    },
    endSending() {},
  }
  await refuseEarlyTalker(client, 'no', () => now)
  return { replies, now }
}

/** The replies to pieces, after the greeting. */
const repliesTo = async (...pieces: readonly string[]) =>
  (await heard(pieces[Symbol.iterator]())).replies.slice(1).join('')

function* endless(piece: string) {
  for (;;) yield piece
}

t.test('commands get the replies that rblsmtpd gives', async (t) => {
  const accepted = ['EHLO x\r', 'helo x', 'MAIL FROM:<a@example.org>\r', 'RSET\r', 'noop']
  for (const line of accepted) t.match(await repliesTo(`${line}\n`), /^250 [^\n]*\n$/, line)
  for (const line of ['RCPT TO:<x>\r', 'DATA\r', 'AUTH PLAIN', '', 'EHLOX', 'GET / HTTP/1.1']) {
    t.equal(await repliesTo(`${line}\n`), '451 no\r\n', line)
  }
  t.match(await repliesTo('Quit\r\nNOOP\r\n'), /^221 [^\n]*\n$/, 'which is the last')
  t.match(await repliesTo('EHLO x\r\nNO'), /^250 [^\n]*\n$/)
})

t.test('lines are the same in every split of their bytes', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('NOOP', 'RCPT TO', 'X', ' ', '\r', '\n'), { maxLength: 20 }),
      fc.array(fc.nat(60), { maxLength: 6 }),
      async (words, cuts) => {
        const text = words.join('')
        const ends = [...cuts.filter((cut) => cut < text.length).sort((a, b) => a - b), text.length]
        const pieces = ends.map((end, i) => text.slice(ends[i - 1] ?? 0, end)).filter(Boolean)
        t.equal(await repliesTo(...pieces), await repliesTo(...(text ? [text] : [])))
      },
    ),
    { numRuns: 300 },
  )
})

t.test('a client that sends one byte a second is dropped after a minute', async (t) => {
  const { replies, now } = await heard(endless('x'), 1000)
  t.ok(now <= (TALK_SECONDS + 2) * 1000, `${now} ms`)
  t.match(replies.at(-1), /^421 /)
})

t.test('a client that always has more to read is dropped after a minute, too', async (t) => {
  let now = 0
  let reads = 0
  const replies: string[] = []
  const client = {
    read() {
      now += 1000 // so long it was not its turn
      reads++
      return Buffer.from('x')
    },
    write: (text: string) => replies.push(text) > 0,
    endSending() {},
  }
  await refuseEarlyTalker(client, 'no', () => now)
  t.match(replies.at(-1), /^421 /)
  t.ok(reads <= TALK_SECONDS + 2, `${reads} reads`)
})

t.test('a client that sends without end is dropped', async (t) => {
  let bytes = 0
  const pieces = (function* () {
    for (; bytes < 100_000_000; bytes += 16384) yield 'x'.repeat(16384)
  })()
  const { replies } = await heard(pieces)
  t.match(replies.at(-1), /^421 /)
  t.ok(bytes < INPUT_MAX + 5 * 1024 * 1024, `${bytes} bytes were taken`)
})

t.test('a client with too many commands is dropped', async (t) => {
  const { replies } = await heard(endless('NOOP\r\n'.repeat(10)))
  t.equal(replies.length, 1 + COMMANDS_MAX + 1)
  t.match(replies.at(-1), /^421 /)
})

t.test(
  'clients of the gate, which share one read buffer, each receive their own answer',
  async (t) => {
    const words = ['NOOP\r\nQUIT\r\n', 'RCPT TO:<a@example.org>\r\nQUIT\r\n', 'DATA\r\nQUIT\r\n']
    const unread: (string | undefined)[] = [...words]
    const answers = words.map(() => '')
    const system = {
      receive(fd: number, buffer: Buffer) {
        const bytes = unread[fd]
        if (bytes === undefined) return 0
        unread[fd] = undefined
        return buffer.write(bytes, 'latin1')
      },
      send(fd: number, bytes: Buffer) {
        answers[fd] += bytes.toString('latin1')
        return true
      },
      endSending() {},
    } as unknown as System
    const connections = words.map((_, fd) => {
      const peer = { fd, port: 25, address: Uint8Array.of(127, 0, 0, 1) }
      return new GateConnection(fd, peer, system, () => 0)
    })
    await Promise.all(
      connections.map((connection) => refuseEarlyTalker(connection, 'wait', () => 0)),
    )
    t.same(
      answers,
      ['250 smtp-delay.local', '451 wait', '451 wait'].map(
        (answer) => `220 smtp-delay.local\r\n${answer}\r\n221 smtp-delay.local\r\n`,
      ),
    )
  },
)
