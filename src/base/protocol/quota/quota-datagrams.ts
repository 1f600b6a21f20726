import { QUOTA_REPLY_MAX, type QuotaAnswer, readAnswerWords } from './quota-answer.ts'

/** The protocol of quota services over UDP: doc/development/quota-protocol.md. */

/** A query as the client sends it, in latin1. */
interface QuestionDatagram {
  readonly user: string
  /** Bytes of the announced message, or undefined in the plain form. */
  readonly incoming: number | undefined
  /** Repeated in the answer, so that the client recognizes the answer to its query. */
  readonly nonce: string
}

/** Upper limit, in bytes, for a query: a name, a size and a nonce. */
const DATAGRAM_MAX = 512

const QUESTION = /^CHECK_QUOTA ([^\0-\x20\x7f]+)(?: (\d{1,15})(?: ([!-~]{1,64}))?)?\r?\n?$/

/** Returns `CHECK_QUOTA user [incoming-bytes nonce]`, in latin1. */
export function questionDatagram({ user, incoming, nonce }: QuestionDatagram): string {
  return incoming === undefined ? `CHECK_QUOTA ${user}` : `CHECK_QUOTA ${user} ${incoming} ${nonce}`
}

/**
 * Reads `CHECK_QUOTA user [incoming-bytes [nonce]]`, whose parts are not checked yet. Returns undefined for
 * anything else.
 */
export function readQuestionDatagram(packet: Buffer): QuestionDatagram | undefined {
  if (packet.length > DATAGRAM_MAX) return undefined
  const [, user, incoming, nonce = ''] = QUESTION.exec(packet.toString('latin1')) ?? []
  if (user === undefined) return undefined
  return { user, incoming: incoming === undefined ? undefined : Number(incoming), nonce }
}

/** The first word of an answer. */
export const answerWords = {
  room: 'QUOTA_OK',
  full: 'QUOTA_FULL',
  'no-such-user': 'QUOTA_UNKNOWN',
  unknown: 'QUOTA_ERROR',
} as const satisfies Record<QuotaAnswer['status'], string>

/**
 * Returns the answer, in latin1. If the request had no size, the answer is `QUOTA_OK` or `QUOTA_FULL` alone.
 * All other answers name the user, then size and quota in bytes if they are known (0: unlimited), then the
 * nonce.
 */
export function replyDatagram(
  { user, incoming, nonce }: QuestionDatagram,
  answer: QuotaAnswer,
): string {
  const word = answerWords[answer.status]
  const echo = nonce === '' ? '' : ` ${nonce}`
  switch (answer.status) {
    case 'no-such-user':
    case 'unknown':
      return `${word} ${user}${echo}`
    case 'room':
    case 'full': {
      if (incoming === undefined) return word
      const { usage } = answer
      const numbers = usage ? ` ${usage.size} ${usage.quota ?? 0}` : ''
      return `${word} ${user}${numbers}${echo}`
    }
  }
}

const meanings = Object.fromEntries(
  (['room', 'full', 'no-such-user', 'unknown'] as const).map(
    (status) => [answerWords[status], status] as const,
  ),
)

/**
 * Parses `QUOTA_OK [user [size quota]]`, or another answer in the same form. If a nonce was sent, it must be the
 * last word. Returns undefined for anything else, which is not an answer to this request.
 */
export function readReplyDatagram(
  packet: Buffer,
  user: string,
  nonce: string | undefined,
): QuotaAnswer | undefined {
  if (packet.length > QUOTA_REPLY_MAX) return undefined
  const words = packet
    .toString('latin1')
    .replace(/\r?\n$/, '')
    .split(' ')
  if (nonce !== undefined && (words.length < 2 || words.pop() !== nonce)) return undefined
  return readAnswerWords(words, user, meanings)
}
