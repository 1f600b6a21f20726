import type { Connection } from './connection.ts'

/** A conversation ends at the first of these. */
export const TALK_SECONDS = 60
export const COMMANDS_MAX = 100
export const INPUT_MAX = 64 * 1024

/** What is read and dropped after the last reply: closing over unread bytes would destroy it on its way. */
const DRAIN_MAX = 4 * 1024 * 1024
const DRAIN_TIME = 2000
/** Of a line, no more than its command matters. */
const LINE_KEPT = 8

const HOST = 'smtp-delay.local'

/** The reply to a command line, as rblsmtpd gives it; the last one of a conversation is 221. */
export function replyTo(line: string, refusal: string): string {
  const command = line.replace(/[ \r].*/s, '').toUpperCase()
  if (command === 'QUIT') return `221 ${HOST}`
  const harmless = ['EHLO', 'HELO', 'MAIL', 'RSET', 'NOOP'].includes(command)
  return harmless ? `250 ${HOST}` : `451 ${refusal}`
}

/** Splits what comes, in any pieces, into lines; of each only its beginning is kept. */
export function createLineReader(): (bytes: Buffer) => string[] {
  let line = ''
  return (bytes) => {
    const [first = '', ...rest] = bytes.toString('latin1').split('\n')
    const lines = [line + first, ...rest].map((each) => each.slice(0, LINE_KEPT))
    line = lines.pop()!
    return lines
  }
}

/**
 * An SMTP server that takes no mail: 451 with a text to all that matters, until the
 * client says QUIT, leaves, or is over a limit. Bounded in time, input and output,
 * whatever the client does.
 */
export function talk(connection: Connection, refusal: string, clock: () => number): void {
  const ending = converse(connection, refusal, clock)
  if (ending === 'left') return
  if (ending === 'over a limit') connection.write(`421 ${HOST} ${refusal}\r\n`, 0)
  drain(connection, clock)
}

function converse(
  connection: Connection,
  refusal: string,
  clock: () => number,
): 'left' | 'quit' | 'over a limit' {
  const until = clock() + TALK_SECONDS * 1000
  const say = (reply: string) => connection.write(`${reply}\r\n`, until - clock())
  const linesOf = createLineReader()
  let commands = 0
  let input = 0

  if (!say(`220 ${HOST}`)) return 'left'
  while (input <= INPUT_MAX && clock() < until) {
    const bytes = connection.read(until - clock())
    if (bytes === undefined) break
    if (bytes.length === 0) return 'left'
    input += bytes.length
    for (const line of linesOf(bytes)) {
      if (++commands > COMMANDS_MAX) return 'over a limit'
      const reply = replyTo(line, refusal)
      if (!say(reply)) return 'left'
      if (reply.startsWith('221')) return 'quit'
    }
  }
  return 'over a limit'
}

function drain(connection: Connection, clock: () => number): void {
  const until = clock() + DRAIN_TIME
  for (let dropped = 0; dropped < DRAIN_MAX; ) {
    const bytes = connection.read(until - clock())
    if (bytes === undefined || bytes.length === 0) return
    dropped += bytes.length
  }
}
