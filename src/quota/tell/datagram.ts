import type { QuotaAnswer } from '../ask/quota-answer.ts'

/** A question as the client sent it, in latin1. Its parts are not checked yet. */
export interface Datagram {
  readonly user: string
  /** Bytes of the message that is to come; undefined in the plain form. */
  readonly incoming: number | undefined
  /** Repeated in the answer, so that the client recognizes the answer to its question. */
  readonly nonce: string
}

/** Most bytes of a question: a name of 255, a size and a nonce. */
const DATAGRAM_MAX = 512

const QUESTION = /^CHECK_QUOTA ([^\0-\x20\x7f]+)(?: (\d{1,15})(?: ([!-~]{1,64}))?)?\r?\n?$/

/** Reads `CHECK_QUOTA user [incoming-bytes [nonce]]`. Returns undefined for anything else. */
export function readQuestionDatagram(packet: Buffer): Datagram | undefined {
  if (packet.length > DATAGRAM_MAX) return undefined
  const [, user, incoming, nonce = ''] = QUESTION.exec(packet.toString('latin1')) ?? []
  if (user === undefined) return undefined
  return { user, incoming: incoming === undefined ? undefined : Number(incoming), nonce }
}

/**
 * Returns the answer, in latin1. If the question had no size, `QUOTA_OK` and `QUOTA_FULL` stand
 * alone. All other answers name the user, then size and quota in bytes if they are known (0:
 * unlimited), then the nonce.
 */
export function datagramFor({ user, incoming, nonce }: Datagram, answer: QuotaAnswer): string {
  const echo = nonce === '' ? '' : ` ${nonce}`
  switch (answer.answer) {
    case 'no-such-user':
      return `QUOTA_UNKNOWN ${user}${echo}`
    case 'unknown':
      return `QUOTA_ERROR ${user}${echo}`
    case 'room':
    case 'full': {
      const word = answer.answer === 'room' ? 'QUOTA_OK' : 'QUOTA_FULL'
      if (incoming === undefined) return word
      const { usage } = answer
      const numbers = usage ? ` ${usage.size} ${usage.quota ?? 0}` : ''
      return `${word} ${user}${numbers}${echo}`
    }
  }
}
