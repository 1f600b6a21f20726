import type { QuotaAnswer } from '../ask/quota-answer.ts'

/** A question as it came; its parts are not checked yet. Latin1. */
export interface Datagram {
  readonly user: string
  /** Bytes of the message that is to come; undefined in the plain form. */
  readonly incoming: number | undefined
  /** Given back with the answer, so that the client knows its own. */
  readonly nonce: string
}

/** A name of 255 bytes, a size, a nonce: anything longer is no question. */
export const DATAGRAM_MAX = 512

const QUESTION = /^CHECK_QUOTA ([^\0-\x20\x7f]+)(?: (\d{1,15})(?: ([!-~]{1,64}))?)?\r?\n?$/

/** Reads `CHECK_QUOTA user [incoming-bytes [nonce]]`; undefined for anything else. */
export function readDatagram(packet: Buffer): Datagram | undefined {
  if (packet.length > DATAGRAM_MAX) return undefined
  const [, user, incoming, nonce = ''] = QUESTION.exec(packet.toString('latin1')) ?? []
  if (user === undefined) return undefined
  return { user, incoming: incoming === undefined ? undefined : Number(incoming), nonce }
}

/**
 * The answer in latin1. In the plain form `QUOTA_OK` and `QUOTA_FULL` stand alone. Any other answer
 * names the user, then size and quota in bytes if they are known (0: unlimited), then the nonce.
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
