/**
 * The answer about a mailbox. It has three forms on its way to a door:
 *
 * 1. onescan-quotad reads a `MailboxResult` from the disk or from another service (quotad/sources).
 * 2. It adds its source in a `MailboxAnswer`, and sends the answer as text.
 * 3. The client parses that into this type, and caches it with the backend and the
 *    expiry time.
 */
export type QuotaAnswer =
  | { readonly status: 'room'; readonly usage?: Usage }
  | { readonly status: 'full'; readonly usage?: Usage }
  | { readonly status: 'no-such-user' }
  /** There was no answer in time or a broken one, or the mailbox cannot be read. Never full. */
  | { readonly status: 'unknown'; readonly reason: string; readonly failure?: BackendFailure }

/** The backend gave no answer that can be used. */
interface BackendFailure {
  readonly counted: 'noAnswer' | 'brokenAnswer'
  /** Whether the backend did reply, so that the next request may be sent immediately. */
  readonly isBackendUp: boolean
}

/** The usage of a mailbox, in bytes. */
export interface Usage {
  readonly size: number
  /** Absent if it is unlimited, or if the service did not report it. */
  readonly quota?: number
}

/** The reason if the service replies that it does not know. Its own log has more. */
export const NOT_KNOWN = 'the service does not know'

/** Upper limit, in bytes, for the name of a mailbox: no file name is longer. */
const MAILBOX_NAME_MAX = 255

/**
 * Returns whether a mailbox may have this name (latin1): it is one word of a line, and one name of a file. The senders of mail
 * choose names. onescan-rcptquota has the same rule in C.
 */
export const mayNameMailbox = (name: string): boolean =>
  name !== '' && name.length <= MAILBOX_NAME_MAX && !/[\0-\x20\x7f/]|\.\./.test(name)

/** Upper limit, in bytes, for a reply: a name, two numbers and a nonce. */
export const QUOTA_REPLY_MAX = 1024

/**
 * Reads the words of a reply about a mailbox, `WORD [name [size quota]]`, where `meanings` has the first ones.
 * Returns undefined for anything else, and for a reply about another mailbox.
 */
export function readAnswerWords(
  [first = '', ...words]: readonly string[],
  name: string,
  meanings: Readonly<Record<string, QuotaAnswer['status']>>,
): QuotaAnswer | undefined {
  const status = Object.hasOwn(meanings, first) ? meanings[first] : undefined
  if (status === undefined || (words.length > 0 && words[0] !== name)) return undefined
  if (status === 'no-such-user') return { status }
  if (status === 'unknown') return { status, reason: NOT_KNOWN }
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
  const [size = 0, quota] = words.map(Number)
  return quota ? { size, quota } : { size }
}
