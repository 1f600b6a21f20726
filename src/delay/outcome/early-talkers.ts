import { PROXY_STARTS } from '../../base/protocol/proxy-protocol.ts'
import type { ClientActivity, System } from '../../base/runtime/system.ts'
import type { Wait } from '../plan/plan.ts'

/** The limits of a conversation: it ends at the first of them. */
const TALK_SECONDS = 60
const COMMANDS_MAX = 100
const INPUT_MAX = 64 * 1024

/**
 * Bytes that are read and dropped after the last reply. If a connection is closed with unread
 * bytes, the kernel resets it, and the client may never see that reply.
 */
const DRAIN_MAX = 4 * 1024 * 1024
/** Milliseconds for which bytes are dropped. */
const DRAIN_TIME = 2000
/** Characters of a line that are kept, enough for the command. */
const LINE_KEPT = 8

const HOST = 'smtp-delay.local'

/** The reply to a client that is not served now. The connection is closed after it (RFC 5321 3.8). */
export function closingLine(text: string): string {
  return `421 ${HOST} ${text}\r\n`
}

/** Returns the reply to a command line, as in rblsmtpd. After 221 the conversation has ended. */
function replyTo(line: string, refusal: string): string {
  const command = line.replace(/[ \r].*/s, '').toUpperCase()
  if (command === 'QUIT') return `221 ${HOST}`
  const harmless = ['EHLO', 'HELO', 'MAIL', 'RSET', 'NOOP'].includes(command)
  return harmless ? `250 ${HOST}` : `451 ${refusal}`
}

/** A client that is refused. Times are milliseconds. */
export interface RefusedClient {
  /** Sends a text, latin1. Returns false if the client does not accept it in time, or has disconnected. */
  write(text: string, time: number): boolean
  /**
   * Reads bytes: an empty buffer if the client has disconnected, or at the end of the stream. Resolves to
   * undefined if none arrive in time.
   */
  read(time: number): Buffer | undefined | Promise<Buffer | undefined>
  /** Closes the sending side towards the client. */
  endSending(): void
}

/**
 * Serves a client like an SMTP server that accepts no mail: it answers RCPT, DATA and unknown commands with
 * 451 and a text. It ends when the client sends QUIT, disconnects, or exceeds a limit. The connection stays
 * open.
 */
export async function refuseEarlyTalker(
  client: RefusedClient,
  refusal: string,
  uptime: () => number,
): Promise<void> {
  const until = uptime() + TALK_SECONDS * 1000
  const conversation = new Conversation(refusal)
  const send = (text: string) => text === '' || client.write(text, until - uptime())
  if (!send(`220 ${HOST}\r\n`)) return
  for (let isLast = false; !isLast; ) {
    const bytes = await readBefore(until, client, uptime)
    if (bytes === undefined) {
      client.write(closingLine(refusal), 0)
      break
    }
    if (bytes.length === 0) return
    const answer = conversation.receive(bytes)
    if (!send(answer.text)) return
    isLast = answer.isLast
  }
  client.endSending()
  const end = uptime() + DRAIN_TIME
  for (let dropped = 0; dropped < DRAIN_MAX; ) {
    const bytes = await readBefore(end, client, uptime)
    if (bytes === undefined || bytes.length === 0) return
    dropped += bytes.length
  }
}

function readBefore(end: number, client: RefusedClient, uptime: () => number) {
  const time = end - uptime()
  return time > 0 ? client.read(time) : undefined
}

/** The conversation with a refused client. Its input and output are bounded. */
class Conversation {
  readonly #refusal: string
  /** The beginning of the line that is not whole yet. */
  #line = ''
  #commands = 0
  #input = 0

  constructor(refusal: string) {
    this.#refusal = refusal
  }

  /** The replies to some bytes of input, however it is split, and whether they end the conversation. */
  receive(bytes: Buffer): { readonly text: string; readonly isLast: boolean } {
    this.#input += bytes.length
    const [first = '', ...rest] = bytes.toString('latin1').split('\n')
    const lines = [this.#line + first, ...rest].map((whole) => whole.slice(0, LINE_KEPT))
    this.#line = lines.pop() ?? ''
    const closing = closingLine(this.#refusal)
    let text = ''
    for (const line of lines) {
      if (++this.#commands > COMMANDS_MAX) return { text: text + closing, isLast: true }
      const reply = replyTo(line, this.#refusal)
      text += `${reply}\r\n`
      if (reply.startsWith('221')) return { text, isLast: true }
    }
    const isLast = this.#input > INPUT_MAX
    return { text: isLast ? text + closing : text, isLast }
  }
}

/** The first bytes of TLS (RFC 8446 5.1) and of the PROXY protocol. */
const OTHER_PROTOCOLS: readonly (readonly [begins: Buffer, name: string])[] = [
  [Buffer.from([0x16, 0x03]), 'TLS'],
  ...PROXY_STARTS.map((begins) => [begins, 'the PROXY protocol'] as const),
]

const LENGTH = Math.max(...OTHER_PROTOCOLS.map(([begins]) => begins.length))

/**
 * Returns the reason for the log why a client talks early, with its protocol added if the first bytes
 * are not SMTP. Consumes none of them.
 */
export function whyWithProtocol(reason: string, fd: number, system: System): string {
  const buffer = Buffer.alloc(LENGTH)
  const first = buffer.subarray(0, system.peek(fd, buffer))
  const [, name] = OTHER_PROTOCOLS.find(([begins]) => first.indexOf(begins) === 0) ?? []
  if (name === undefined) return reason
  return `${reason}; it speaks ${name}, which smtp-delay does not support: configure the program in front of it for plain SMTP`
}

/** The feature that is unavailable without the addon. */
export const EARLY_TALKERS = 'early talkers cannot be detected'

/**
 * Keeps a client waiting, and resolves to how the wait ended. `watch` observes the client until `delay`
 * milliseconds after it connected (the delay may not be known yet), and resolves as soon as the client sends
 * or disconnects.
 */
export async function outcomeOf(
  { judgement, mayBeExempt }: Wait,
  watch: (delay: Promise<number>) => Promise<ClientActivity>,
): Promise<{ readonly event: 'passed' | 'talked' | 'left'; readonly reason: string }> {
  const sign = await watch(judgement.then(({ delay }) => delay * 1000))
  const judged =
    mayBeExempt && sign === 'talks' ? await judgement : await Promise.race([judgement, undefined])
  const reason = judged?.reason ?? 'not looked up yet'
  if (sign === 'left') return { event: 'left', reason }
  return { event: sign === 'silent' || judged?.isExempt ? 'passed' : 'talked', reason }
}
