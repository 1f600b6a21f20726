import type { Socket } from 'node:net'
import t from 'tap'
import { readQuarantine } from '../../../cases/kept.ts'
import { createRandom } from '../../../run/random.ts'
import { openBetween } from './between.ts'
import type { Client } from './client.ts'
import type { Script } from './next-server.ts'

/**
 * Next servers that refuse, close, fall silent or send invalid replies at any point, before mail that goes on
 * for some recipients and is kept for others, or goes to VIRUSFORWARD: who is answered 250 has his
 * mail once, and who has it is answered 250 if the next server has answered so.
 */

type Random = ReturnType<typeof createRandom>

/** The replies of the next server to each message: the codes by recipient. */
type Replies = Map<string, { code: number; isCertain: boolean }[]>

/** Messages on each connection. */
const MESSAGES = 2

/** Senders to whose messages the next server falls silent, until its time has ended. */
const isMute = (sender: string) => sender.startsWith('mute')
/** Who gets viruses. */
const FORWARD = 'v@forward.example'

interface Conversation {
  /** Commands until it does something amiss. */
  left: number
  sender: string
  recipients: string[]
  /** The code that it has sent amid the content, as if that had ended. */
  early: number | undefined
}

/** A next server that does one thing amiss in each connection, and answers content by chance. */
function answering({ below, once, pick }: Random, replies: Replies, lmtp: boolean): Script {
  const states = new WeakMap<Socket, Conversation>()
  const begin = (): Conversation => {
    return { left: 3 + below(24), sender: '', recipients: [], early: undefined }
  }
  return (verb, line, socket) => {
    const state = states.get(socket) ?? begin()
    states.set(socket, state)
    const [, address = ''] = /<(.*?)>/.exec(line) ?? []
    if (verb === 'CONTENT') {
      if (state.early !== undefined || !once(12)) return undefined
      state.early = pick([250, 250, 450, 550, 421])
      socket.write(`${state.early} 2.0.0 early\r\n`)
      return undefined
    }
    if (verb === '.') {
      answerContent(state, socket)
      return 'silence'
    }
    if (verb === 'MAIL' || verb === 'RSET') state.recipients = []
    if (verb === 'MAIL') state.sender = address
    const isAmiss = --state.left === 0
    if (isAmiss && isMute(state.sender)) return 'silence'
    const reply = isAmiss && verb !== 'QUIT' ? amiss(verb, socket) : undefined
    if (verb === 'RCPT' && (reply === undefined || /^25|^late/.test(reply))) {
      state.recipients.push(address)
    }
    if (reply === 'late') {
      for (const [at, char] of [...'250 2.1.0 late\r\n'].entries()) {
        setTimeout(() => socket.write(char), at >> 2)
      }
      return 'silence'
    }
    return reply
  }

  function amiss(verb: string, socket: Socket): string | undefined {
    const what = below(12)
    if (what < 3) return pick(['550 5.1.1 no', '450 4.2.0 no', '552-5.2.2 no\r\n552 5.2.2 no'])
    if (what === 3) return '421 4.3.2 busy'
    if (what === 4) return verb === 'DATA' ? '251 2.0.0 what' : '354 go on with what'
    if (what === 5) return pick(['250 2.0.0 a\r\n250 2.0.0 b', '250 2.0.0 a\r\n421 4.3.2 b'])
    if (what === 6) return pick(['nonsense', '250-2.0.0 a\r\n550 5.0.0 b', '199 x', '250_x'])
    if (what < 9 && verb !== 'DATA' && !/^[EL]HLO/.test(verb)) return 'late'
    if (what === 9) socket.end(pick(['421 4.3.2 bye\r\n', '250 2.0', '', '550 5.0.0 bye\r\n']))
    else if (what === 10) socket.destroy()
    else if (what === 11) socket.resetAndDestroy()
    else return undefined
    return 'silence'
  }

  function answerContent(state: Conversation, socket: Socket): void {
    const { sender, recipients, early } = state
    state.early = undefined
    const isOdd = once(2)
    const count = lmtp ? recipients.length : 1
    // What it sent amid the content may be taken for the first answer.
    const first = early === undefined ? 0 : 1
    const end = isOdd && once(2) ? Math.max(first, below(count + 1)) : count
    let isOver = false
    const lines: string[] = []
    for (let at = 0; at < end; at++) {
      const isEarly = at === 0 && early !== undefined
      const code = isEarly ? early : isOdd ? pick([250, 250, 250, 252, 450, 550, 421, 354]) : 250
      const line = once(4) ? `${code}-2.0.0 a\r\n${code} 2.0.0 b\r\n` : `${code} 2.0.0 x\r\n`
      if (!isEarly) lines.push(line)
      for (const to of lmtp ? [recipients[at]!] : recipients) {
        const key = `${to} of ${sender}`
        replies.set(key, [...(replies.get(key) ?? []), { code, isCertain: !isOver }])
      }
      if (code === 421 || code === 354) isOver = true
    }
    // A server that sends one reply too many and later one too few has answered each command.
    const mayAddOne = isOdd && end === count && !isMute(sender)
    if (mayAddOne && once(3)) lines.push('250 2.0.0 one too many\r\n')
    const how = isMute(sender) ? 6 : end < count ? 1 + below(2) : below(6)
    if (once(2)) {
      for (const line of lines) socket.write(line)
      if (how < 3) socket.end()
    } else {
      const next = () => {
        const line = lines.shift()
        if (line !== undefined) {
          socket.write(line)
          setTimeout(next, 1)
        } else if (how < 3) socket.end()
      }
      next()
    }
  }
}

/** Sends messages on one connection, and resolves to the replies that their recipients got. */
async function converse(
  client: Client,
  { below, once, pick }: Random,
  name: string,
  lmtp: boolean,
  isForwarded: boolean,
) {
  const answers: { key: string; isKept: boolean; code: number | undefined; isHeard: boolean }[] = []
  const hear = async () => (await client.hear()) ?? 'left'
  client.write(`${lmtp ? 'LHLO' : 'EHLO'} x\r\n`)
  if (!(await hear()).startsWith('250')) return answers
  for (let each = 0; each < MESSAGES; each++) {
    const sender = `${name}.${each}@b.example`
    const text = pick(['VIRUS', 'VIRUS', 'hello'])
    const to = Array.from({ length: 1 + below(5) }, (_, at) => {
      return `u${at}@${pick(['skip.example', 'keep.example'])}`
    })
    if (once(20)) {
      // No chunk is a message, or a command.
      client.write(
        `MAIL FROM:<${sender}>\r\nRCPT TO:<${to[0]}>\r\nBDAT 10 LAST\r\nDATA\r\n.\r\n\r\n`,
      )
      client.socket.end()
      for (const reply of (await client.rest()).slice(2)) {
        if (/^[23]/.test(reply))
          answers.push({ key: `BDAT of ${sender}`, isKept: false, code: 250, isHeard: true })
      }
      return answers
    }
    const commands = [`MAIL FROM:<${sender}>`, ...to.map((path) => `RCPT TO:<${path}>`), 'DATA']
    if (once(2)) commands.unshift('XFORWARD ADDR=192.0.2.7')
    const isPipelined = once(2)
    if (isPipelined) client.write(commands.map((line) => `${line}\r\n`).join(''))
    const taken: string[] = []
    let go = ''
    for (const line of commands) {
      if (!isPipelined) client.write(`${line}\r\n`)
      go = await hear()
      if (/^421|^left/.test(go)) return answers
      const [, path] = /^RCPT TO:<(.*)>/.exec(line) ?? []
      if (path !== undefined && go.startsWith('2')) taken.push(path)
    }
    if (!go.startsWith('354')) continue
    const filling = 'line of text\r\n'.repeat(pick([0, 10, 8_000]))
    client.write(`Subject: x\r\n\r\n${text}\r\n${filling}.\r\n${isPipelined ? 'RSET\r\n' : ''}`)
    const leaves = once(6) ? pick(['end', 'reset'] as const) : undefined
    if (leaves === 'end') client.socket.end()
    if (leaves === 'reset') client.socket.resetAndDestroy()
    const replies: string[] = []
    for (let at = 0; at < (lmtp ? taken.length : 1); at++) replies.push(await hear())
    const isForward = isForwarded && text === 'VIRUS' && taken.some((to) => to.includes('keep'))
    for (const [at, path] of taken.entries()) {
      const reply = replies[lmtp ? at : 0]!
      const isHeard = reply !== 'left' && !replies.slice(0, at).some((one) => /^421/.test(one))
      answers.push({
        key: `${isForward ? FORWARD : path} of ${sender}`,
        isKept: !isForwarded && text === 'VIRUS' && path.includes('keep'),
        code: reply === 'left' ? undefined : Number(reply.slice(0, 3)),
        isHeard: isHeard || leaves === undefined,
      })
    }
    const closing = replies.findIndex((reply) => reply.startsWith('421'))
    if (closing >= 0 && replies.slice(closing).some((reply) => reply.startsWith('2'))) {
      const key = `421 before others of ${sender}: ${replies.join(' / ')}`
      answers.push({ key, isKept: false, code: 421, isHeard: true })
    }
    if (leaves !== undefined) return answers
    if (!isPipelined) client.write('RSET\r\n')
    if (/^421|^left/.test(await hear())) return answers
  }
  return answers
}

const ways = [false, true].flatMap((lmtp) =>
  [false, true].map((isForwarded) => ({ lmtp, isForwarded })),
)

for (const { lmtp: isLmtp, isForwarded } of ways) {
  const way = `${isLmtp ? 'LMTP' : 'SMTP'}${isForwarded ? ', viruses forwarded' : ''}`
  t.test(`${way}: 250 is sent once, whatever the next server replies`, async (t) => {
    const random = createRandom(isLmtp ? 7 : 6)
    const replies: Replies = new Map()
    const { next, door, stage } = await openBetween(t, {
      rules: 'to=skip.example scan off\n',
      keeps: !isForwarded,
      ...(isForwarded && { settings: { VIRUSFORWARD: FORWARD } }),
      isLmtp,
      nextServerTimeouts: {
        connection: 2000,
        command: 2000,
        data: 2000,
        block: 2000,
        end: 2000,
        quit: 2000,
      },
    })
    next.script = answering(random, replies, isLmtp)
    const answers: Awaited<ReturnType<typeof converse>> = []
    const talk = async (name: string) => {
      answers.push(...(await converse(await door.call(), random, name, isLmtp, isForwarded)))
    }
    const rounds = isForwarded ? 36 : 90
    for (let number = 0; number < rounds; number += 6) {
      await Promise.all([0, 1, 2, 3, 4, 5].map((more) => talk(`m${number + more}`)))
    }
    await Promise.all(Array.from({ length: 12 }, (_, number) => talk(`mute${number}`)))
    const kept = new Map<string, number>()
    for (const { record } of await readQuarantine(stage.quarantine)) {
      for (const to of record.recipients) {
        const key = `${to} of ${record.sender}`
        kept.set(key, (kept.get(key) ?? 0) + 1)
      }
    }
    let taken = 0
    for (const { key, isKept, code, isHeard } of answers) {
      const codes = replies.get(key) ?? []
      const times = (kept.get(key) ?? 0) + codes.filter((one) => one.code < 300).length
      const isTaken = code !== undefined && code < 300
      if (isTaken) taken++
      const about = `${key} (${isKept}) is answered ${code}, next server replied ${JSON.stringify(codes)}, kept ${kept.get(key) ?? 0}`
      if (key.startsWith('421')) t.fail(key)
      if (isTaken && times !== 1) t.fail(`not once: ${about}`)
      if (times > 1) t.fail(`twice: ${about}`)
      if (!isTaken && isHeard && code !== undefined) {
        if (kept.has(key)) t.fail(`kept: ${about}`)
        if (codes.some((one) => one.isCertain && one.code < 300)) t.fail(`taken: ${about}`)
      }
      if (isTaken && isKept !== kept.has(key)) t.fail(`elsewhere: ${about}`)
    }
    t.ok(taken > rounds / 4, `${taken} of ${answers.length} recipients were answered 250`)
    t.same(
      door.log.filter((line) => !/sent content before DATA/.test(line)),
      [],
    )
  })
}
