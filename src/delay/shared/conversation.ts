/** A conversation ends at the first of these. */
export const TALK_SECONDS = 60
export const COMMANDS_MAX = 100
export const INPUT_MAX = 64 * 1024

/**
 * Bytes that are read and dropped after the last reply: closing a connection with unread bytes
 * would destroy that reply on its way.
 */
export const DRAIN_MAX = 4 * 1024 * 1024
/** Milliseconds. */
export const DRAIN_TIME = 2000
/** Characters of a line that are kept: only its command matters. */
const LINE_KEPT = 8

const HOST = 'smtp-delay.local'

/**
 * The line of SMTP for a client that is not served now; the connection is closed after it (RFC 5321
 * 3.8).
 */
export function closingLine(text: string): string {
  return `421 ${HOST} ${text}\r\n`
}

/** The reply to a command line, as rblsmtpd gives it; the last one of a conversation is 221. */
export function replyTo(line: string, refusal: string): string {
  const command = line.replace(/[ \r].*/s, '').toUpperCase()
  if (command === 'QUIT') return `221 ${HOST}`
  const harmless = ['EHLO', 'HELO', 'MAIL', 'RSET', 'NOOP'].includes(command)
  return harmless ? `250 ${HOST}` : `451 ${refusal}`
}

/** Splits what comes into lines, in any pieces; keeps only the beginning of each. */
export function createLineReader(): (bytes: Buffer) => string[] {
  let line = ''
  return (bytes) => {
    const [first = '', ...rest] = bytes.toString('latin1').split('\n')
    const lines = [line + first, ...rest].map((whole) => whole.slice(0, LINE_KEPT))
    line = lines.pop()!
    return lines
  }
}

/** What is to be said, and whether it is the last. */
export interface ConversationReply {
  readonly text: string
  readonly isLast: boolean
}

/**
 * An SMTP server that takes no mail: 451 with a text to all that matters, until the
 * client says QUIT, leaves, or is over a limit. Its input and output are bounded, whatever
 * the client does; who speaks for it keeps the time.
 */
export interface Conversation {
  readonly greeting: string
  hear(bytes: Buffer): ConversationReply
  /** The last words after TALK_SECONDS. */
  readonly closing: string
}

export function createConversation(refusal: string): Conversation {
  const linesOf = createLineReader()
  const closing = closingLine(refusal)
  let commands = 0
  let input = 0

  return {
    greeting: `220 ${HOST}\r\n`,
    hear(bytes) {
      input += bytes.length
      let text = ''
      for (const line of linesOf(bytes)) {
        if (++commands > COMMANDS_MAX) return { text: text + closing, isLast: true }
        const reply = replyTo(line, refusal)
        text += `${reply}\r\n`
        if (reply.startsWith('221')) return { text, isLast: true }
      }
      return input > INPUT_MAX ? { text: text + closing, isLast: true } : { text, isLast: false }
    },
    closing,
  }
}
