import { attempt } from '../../../base/errors/fault.ts'

/**
 * What onescand and the process that answers a request about the quarantine send each other: a request as JSON, until the
 * end of input; then a line of JSON, and the body. The process is `onescan quarantine answer`, a command of the account of
 * onescand: so a message that is large or hangs delays no other work of onescand.
 */
export const ANSWER_COMMAND = ['quarantine', 'answer'] as const

/** What a person may do: see messages, read them as text, release and delete them, take them as files, and make exceptions. */
export const RIGHTS = ['look', 'read', 'release', 'delete', 'download', 'allow'] as const
export type Right = (typeof RIGHTS)[number]

/** A person who uses the quarantine over HTTP. */
export interface Person {
  readonly name: string
  readonly may: readonly Right[]
  /** The domains and addresses whose mail the person sees; undefined: all mail. */
  readonly to?: readonly string[] | undefined
  /** Kinds of findings: mail with others the person neither releases nor makes exceptions for; undefined: all kinds. */
  readonly releases?: readonly string[] | undefined
  /** Seconds after which the page forgets the token, if not SIGN_OUT_AFTER. */
  readonly signOutSeconds?: number | undefined
}

/** Seconds of a working day. */
export const SIGN_OUT_SECONDS = 8 * 60 * 60

/** Upper limit for the recipients of an exception, each of whom has a line. */
export const EXCEPTION_RECIPIENTS_MAX = 20

export interface ApiRequest {
  readonly method: string
  /** Path and query. */
  readonly url: string
  /** The field Idempotency-Key. */
  readonly key?: string | undefined
  readonly body: string
  readonly person: Person
  /** The person and from which address, for logs. */
  readonly who: string
  /** The SMTP server for releases, HOST:PORT. */
  readonly by: string
}

/** The line before the body of an answer. */
export interface ApiAnswerHead {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** Whether onescand has to read its settings again. */
  readonly needsReload?: true
}

/** The path below which the API is. */
export const API_PATH = '/quarantine/v1/'

/** Returns the path and the query of a request, as both processes read them, or undefined if it has none. */
export const requestUrl = (url: string): URL | undefined =>
  attempt(() => new URL(url, 'http://onescan'))

/** Whether a request releases messages. It waits for another server. */
export const isRelease = (method: string, url: string): boolean =>
  method === 'POST' && /\/release$/.test(requestUrl(url)?.pathname ?? '')

/** Upper limit, in bytes, for the body of a request: 1,000 ids have less. */
export const REQUEST_BODY_MAX = 64 * 1024
