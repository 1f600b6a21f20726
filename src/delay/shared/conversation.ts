/** The limits of a conversation: it ends at the first of them. */
export const TALK_SECONDS = 60
export const COMMANDS_MAX = 100
export const INPUT_MAX = 64 * 1024

/**
 * Bytes that are read and dropped after the last reply. If a connection is closed with unread
 * bytes, the kernel resets it, and the client may never see that reply.
 */
export const DRAIN_MAX = 4 * 1024 * 1024
/** Milliseconds for which bytes are dropped. */
export const DRAIN_TIME = 2000
/** Characters of a line that are kept. The command is enough. */
const LINE_KEPT = 8

const HOST = 'smtp-delay.local'

/** The reply to a client that is not served now. The connection is closed after it (RFC 5321 3.8). */
export function closingLine(text: string): string {
  return `421 ${HOST} ${text}\r\n`
}

/** The reply to a command line, as rblsmtpd gives it. After 221 the conversation is over. */
function replyTo(line: string, refusal: string): string {
  const command = line.replace(/[ \r].*/s, '').toUpperCase()
  if (command === 'QUIT') return `221 ${HOST}`
  const harmless = ['EHLO', 'HELO', 'MAIL', 'RSET', 'NOOP'].includes(command)
  return harmless ? `250 ${HOST}` : `451 ${refusal}`
}

/** Splits input into lines, whatever its pieces are, and returns the beginning of each line. */
function createLineReader(): (bytes: Buffer) => string[] {
  let line = ''
  return (bytes) => {
    const [first = '', ...rest] = bytes.toString('latin1').split('\n')
    const lines = [line + first, ...rest].map((whole) => whole.slice(0, LINE_KEPT))
    line = lines.pop()!
    return lines
  }
}

/** The replies to some bytes of input, and whether they end the conversation. */
interface ConversationReply {
  readonly text: string
  readonly isLast: boolean
}

/**
 * An SMTP server that takes no mail: it answers RCPT, DATA and unknown commands with 451 and a
 * text, until the client says QUIT, leaves, or exceeds a limit. Its input and output are bounded;
 * the caller keeps TALK_SECONDS.
 */
export class Conversation {
  readonly greeting = `220 ${HOST}\r\n`
  /** The reply that is sent when TALK_SECONDS are over. */
  readonly closing: string
  readonly #refusal: string
  readonly #linesOf = createLineReader()
  #commands = 0
  #input = 0

  constructor(refusal: string) {
    this.#refusal = refusal
    this.closing = closingLine(refusal)
  }

  hear(bytes: Buffer): ConversationReply {
    this.#input += bytes.length
    let text = ''
    for (const line of this.#linesOf(bytes)) {
      if (++this.#commands > COMMANDS_MAX) return { text: text + this.closing, isLast: true }
      const reply = replyTo(line, this.#refusal)
      text += `${reply}\r\n`
      if (reply.startsWith('221')) return { text, isLast: true }
    }
    const isLast = this.#input > INPUT_MAX
    return { text: isLast ? text + this.closing : text, isLast }
  }
}
