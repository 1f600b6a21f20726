import type { MailAddress } from '../../mail/message/envelope/address.ts'

/**
 * The answer about a mailbox. It has three forms on its way to an interface:
 *
 * 1. onescan-quotad reads a `MailboxReading` from the disk or from another service (quotad/sources).
 * 2. It adds its source in a `MailboxAnswer`, and sends the answer as text.
 * 3. The client parses that into this type, and caches a `DatedAnswer`, which also has the backend and the
 *    expiry time.
 */
export type QuotaAnswer =
  | { readonly status: 'room'; readonly usage?: Usage }
  | { readonly status: 'full'; readonly usage?: Usage }
  | { readonly status: 'no-such-user' }
  /** There was no answer in time or a broken one, or the mailbox cannot be read. Never full. */
  | { readonly status: 'unknown'; readonly why: string; readonly failure?: BackendFailure }

/** The backend gave no answer that can be used. */
interface BackendFailure {
  readonly counted: 'noAnswer' | 'brokenAnswer'
  /** Whether the backend did reply, so that the next request may be sent immediately. */
  readonly backendIsUp: boolean
}

/** The usage of a mailbox, in bytes. */
export interface Usage {
  readonly size: number
  /** Absent if it is unlimited, or if the service did not report it. */
  readonly quota?: number
}

/** An answer, and its source. */
export interface ExplainedAnswer {
  readonly answer: QuotaAnswer
  /** The backend as the settings name it, or undefined if there is none. */
  readonly source: string | undefined
  /** Whether neither a backend nor a map has the mailbox. */
  readonly isUnknownUser: boolean
  /**
   * The mailbox found after an extension was removed from the address, latin1, or undefined if it is the
   * address itself.
   */
  readonly mailbox?: string
}

/** The quota lookup that interfaces use. */
export interface QuotaLookup {
  /**
   * Queries whether a mailbox has room for `incoming` more bytes, or for any message if the protocol did not
   * announce its size. Never rejects, and answers within the timeout of the settings.
   */
  readonly ask: (address: MailAddress, incoming?: number) => Promise<QuotaAnswer>
  /** Whether quotas are also checked for mail of relay clients. */
  readonly askForRelayClients: boolean
}

/** A lookup for interfaces that wait for the answers about all recipients together. */
export interface TimedLookup extends QuotaLookup {
  /** Milliseconds for a query. */
  readonly timeout: number
}

export function noAnswer(why: string): QuotaAnswer {
  return { status: 'unknown', why, failure: { counted: 'noAnswer', backendIsUp: false } }
}

export function brokenAnswer(why: string, backendIsUp: boolean): QuotaAnswer {
  return { status: 'unknown', why, failure: { counted: 'brokenAnswer', backendIsUp } }
}

/** The reason if the service replies that it does not know. Its own log has more. */
export const NOT_KNOWN = 'the service does not know'

/** The reason if an HTTP server does not know the path of QUOTAD. */
export const NO_SUCH_PAGE = 'status 404, the service has no such page'

/** Upper limit, in bytes, for a reply: a name of 255, two numbers and a nonce. */
export const QUOTA_REPLY_MAX = 1024

const udpWords: Readonly<Record<string, QuotaAnswer['status']>> = {
  QUOTA_OK: 'room',
  QUOTA_FULL: 'full',
  QUOTA_UNKNOWN: 'no-such-user',
  QUOTA_ERROR: 'unknown',
}

const httpWords: Readonly<Record<string, QuotaAnswer['status']>> = {
  OK: 'room',
  OVERQUOTA: 'full',
}

/**
 * Parses `QUOTA_OK [user [size quota]]`, and the other answers likewise. If a nonce was sent, it must be the
 * last word. Returns undefined for anything else, which is not an answer to this request.
 */
export function readReplyDatagram(
  packet: Buffer,
  name: string,
  nonce: string | undefined,
): QuotaAnswer | undefined {
  if (packet.length > QUOTA_REPLY_MAX) return undefined
  const words = packet
    .toString('latin1')
    .replace(/\r?\n$/, '')
    .split(' ')
  if (nonce !== undefined && (words.length < 2 || words.pop() !== nonce)) return undefined
  return readWords(words, name, udpWords)
}

/**
 * Reads the body of an HTTP answer, `OK user size quota` or `OVERQUOTA user size quota`. Undefined
 * for anything else.
 */
export function readBody(text: string, name: string): QuotaAnswer | undefined {
  const words = text.replace(/\r?\n$/, '').split(' ')
  return words.length === 4 ? readWords(words, name, httpWords) : undefined
}

function readWords(
  [first, ...words]: readonly string[],
  name: string,
  meanings: Readonly<Record<string, QuotaAnswer['status']>>,
): QuotaAnswer | undefined {
  const status = Object.hasOwn(meanings, first!) ? meanings[first!] : undefined
  if (status === undefined || (words.length > 0 && words[0] !== name)) return undefined
  if (status === 'no-such-user') return { status }
  if (status === 'unknown') return { status, why: NOT_KNOWN }
  if (words.length < 2) return { status }
  const usage = readUsage(words.slice(1))
  if (usage === undefined) return undefined
  // The service sends 0 and 0 if it knows neither number.
  const isKnown = usage.size > 0 || usage.quota !== undefined
  return isKnown ? { status, usage } : { status }
}

/** Reads the bytes of size and quota. A quota of 0, or none, is unlimited. */
function readUsage(words: readonly string[]): Usage | undefined {
  if (words.length > 2 || !words.every((word) => /^[0-9]{1,15}$/.test(word))) return undefined
  const [size, quota] = words.map(Number)
  return quota ? { size: size!, quota } : { size: size! }
}
