import type { QuotaAnswer } from '../../../base/protocol/quota/quota-answer.ts'
import type { MailAddress } from '../../../base/text/address.ts'

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

/** The quota lookup that doors use. */
export interface QuotaLookup {
  /**
   * Queries whether a mailbox has room for `incoming` more bytes, or for any message if the protocol did not
   * announce its size. Never rejects, and answers within the timeout of the settings.
   */
  readonly ask: (address: MailAddress, incoming?: number) => Promise<QuotaAnswer>
  /** Whether quotas are also checked for mail of relay clients. */
  readonly asksForRelayClients: boolean
  /** Milliseconds for a query. */
  readonly timeout: number
}

export function noAnswer(reason: string): QuotaAnswer {
  return { status: 'unknown', reason, failure: { counted: 'noAnswer', isBackendUp: false } }
}

export function brokenAnswer(reason: string, isBackendUp: boolean): QuotaAnswer {
  return { status: 'unknown', reason, failure: { counted: 'brokenAnswer', isBackendUp } }
}

/** The reason if an HTTP server does not know the path of QUOTAD. */
export const NO_SUCH_PAGE = 'status 404, the service has no such page'
