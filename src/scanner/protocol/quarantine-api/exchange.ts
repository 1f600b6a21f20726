/**
 * What onescand and the process that answers a request about the quarantine send each other: a request as JSON, until the
 * end of input; then a line of JSON, and the body. The process is `onescan quarantine answer`, a command of the account of
 * onescand: so a message that is large or hangs delays no other work of onescand.
 */
export const ANSWER_COMMAND = ['quarantine', 'answer'] as const

export interface ApiRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** The field Idempotency-Key. */
  readonly key?: string | undefined
  readonly body: string
  /** The person who asks, and from which address, for logs. */
  readonly who: string
  /** The SMTP server for releases, HOST:PORT. */
  readonly by: string
}

/** The line before the body of an answer. */
export interface ApiAnswerHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
}

/** The path below which the API is. */
export const API_PATH = '/quarantine/v1/'

/** Upper limit, in bytes, for the body of a request: 32 recipients have less. */
export const REQUEST_BODY_MAX = 64 * 1024
