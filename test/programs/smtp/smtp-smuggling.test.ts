import t from 'tap'
import { buildStage } from '../../cases/stage.ts'
import { callDoor } from '../../scanner/doors/smtp/client.ts'
import { openDoor } from '../../scanner/doors/smtp/rig.ts'
import { postfixMissing, startPostfix } from '../servers/postfix.ts'
import { startReceiver } from '../servers/smtp-receiver.ts'

/**
 * SMTP smuggling: content that one server reads as one message, and another one as two. A real
 * Postfix is behind, which takes a bare LF for a line end (smtpd_forbid_bare_newline = no).
 */

const inner = (end: string) =>
  `MAIL FROM:<smuggled@example.net>${end}RCPT TO:<ben@example.org>${end}DATA${end}Subject: smuggled${end}${end}x${end}`

/** Byte sequences by name that some server takes for the end of a message. */
const ends: Readonly<Record<string, string>> = {
  'LF . LF': '\n.\n',
  'LF . CRLF': '\n.\r\n',
  'CRLF . LF': '\r\n.\n',
  'CR . CRLF': '\r.\r\n',
  'CRLF . CR': '\r\n.\r',
  'CR . CR': '\r.\r',
  'CR . LF': '\r.\n',
  'LF . CR': '\n.\r',
  'CRLF NUL . CRLF': '\r\n\0.\r\n',
  'LF NUL . LF': '\n\0.\n',
  'CRLF . NUL CRLF': '\r\n.\0\r\n',
  'CRLF . CR CRLF': '\r\n.\r\r\n',
  'CR CRLF . CR CRLF': '\r\r\n.\r\r\n',
  'LF CR . LF CR': '\n\r.\n\r',
}

/** Those of which no dot is left when they are sent on. */
const harmless = new Set([
  'CRLF . LF',
  'CRLF . CR',
  'CRLF . NUL CRLF',
  'CRLF . CR CRLF',
  'CR CRLF . CR CRLF',
])

const refusals: Readonly<Record<string, RegExp>> = {
  'before the queue': /^550 5\.(5\.2 bare <|6\.0 message refused: some servers)/,
  'before the queue, unscanned': /^550 5\.(5\.2 bare <|6\.0 message refused: some servers)/,
  'after the queue': /^451 4\.6\.0 message refused: some servers/,
  'after the queue, unscanned': /^451 4\.6\.0 message refused: some servers/,
}

const none = { came: 0, senders: [] }
const one = { came: 1, senders: ['ann@example.net'] }

t.test(
  'sequences that some servers read as the end of a message',
  { skip: postfixMissing },
  async (t) => {
    const stage = buildStage(t)
    const receiver = await startReceiver(t)
    const postfix = await startPostfix(t, receiver.port, { notify_classes: '' })
    const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1' }
    const doors = {
      'before the queue': await openDoor(t, postfix.port, { settings }),
      'before the queue, unscanned': await openDoor(t, postfix.port),
      'after the queue': await openDoor(t, postfix.port, { settings, isQueued: true }),
      'after the queue, unscanned': await openDoor(t, postfix.port, { isQueued: true }),
    }

    /** The replies to content, and how many messages came out. */
    async function send(port: number, content: string) {
      const before = receiver.count()
      const client = await callDoor(port)
      t.teardown(() => client.socket.destroy())
      await client.hear()
      for (const line of [
        'EHLO c.example.org',
        'MAIL FROM:<ann@example.net>',
        'RCPT TO:<ben@example.org>',
        'DATA',
      ])
        await client.command(line)
      client.write(`${content}\r\n.\r\n`)
      client.write('QUIT\r\n')
      const replies = await client.rest()
      const taken = replies.filter((reply) => / queued as /.test(reply)).length
      const smuggled: string[] = []
      for (let n = 0; n < taken; n++) smuggled.push((await receiver.next()).sender)
      return { replies, senders: smuggled, came: receiver.count() - before }
    }

    t.test(
      'Postfix without the filter takes one of them for an end, so that the test can fail',
      async (t) => {
        const { senders } = await send(
          postfix.port,
          `Subject: x\r\n\r\nfirst${ends['LF . CRLF']}${inner('\r\n')}`,
        )
        t.same(senders.toSorted(), ['ann@example.net', 'smuggled@example.net'])
      },
    )

    for (const [how, door] of Object.entries(doors)) {
      for (const [name, end] of Object.entries(ends)) {
        for (const lineEnd of ['\r\n', '\n']) {
          t.test(`${name}, commands in ${lineEnd === '\n' ? 'LF' : 'CRLF'}, ${how}`, async (t) => {
            const { replies, came, senders } = await send(
              door.port,
              `Subject: x\r\n\r\nfirst${end}${inner(lineEnd)}`,
            )
            const isBare = /(?<!\r)\n|\r(?!\n)/.test(`${end}x${lineEnd}`)
            const isRefused = !harmless.has(name) || (isBare && how.startsWith('before'))
            t.match(replies, [isRefused ? refusals[how] : /^250 .*queued as/, /^221 /])
            t.same({ came, senders }, isRefused ? none : one)
          })
        }
      }
      t.test(`content that only looks like smuggling is one message, ${how}`, async (t) => {
        const { replies, senders } = await send(
          door.port,
          `Subject: x\r\n\r\nfirst\r\n..\r\n${inner('\r\n')}`,
        )
        t.match(replies, [/^250 .*queued as/, /^221 /])
        t.same(senders, ['ann@example.net'])
      })
    }

    // promise: rule-14-smuggling
    t.test('a bare LF or CR is refused before the queue, as Postfix does', async (t) => {
      const strict = await startPostfix(t, receiver.port, {
        notify_classes: '',
        smtpd_forbid_bare_newline: 'reject',
        smtpd_forbid_bare_newline_exclusions: '',
      })
      const { port } = doors['before the queue']
      const lf = 'Subject: x\r\n\r\na\nb\r\nc'
      t.match((await send(strict.port, lf)).replies[0], /^550 5\.5\.2 .*bare <LF> received/)
      t.match((await send(port, lf)).replies[0], '550 5.5.2 bare <LF> received')
      t.match(
        (await send(port, 'Subject: x\r\n\r\na\rb')).replies[0],
        '550 5.5.2 bare <CR> received',
      )
      for (const server of [strict.port, port]) {
        const client = await callDoor(server)
        await client.hear()
        client.write('NOOP\nNOOP\r\n')
        t.match(await client.rest(), [/^550 5\.5\.2 .*bare <LF> received/], 'and hung up on')
      }
    })
  },
)
