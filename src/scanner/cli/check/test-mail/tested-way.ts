import { type CheckLine, failure } from '../../../../base/check/check-line.ts'
import type { ServerComplaint } from './complaints.ts'
import type { FollowedLog } from './followed-log.ts'
import type { NamedMail } from './name-mail.ts'
import type { SendingWay, SentMail } from './send-mail.ts'

/** What the tests of all ways share. */
export interface MailTest {
  readonly address: string
  readonly log: FollowedLog
  /** The logs that are read, as text. */
  readonly places: string
  readonly readsSlots: boolean
  /** A port, other than the usual ones, on which a server of this host accepts mail. */
  readonly other: number | undefined
  readonly sendmail: string
}

/** A way by which mail was sent, with its name in check lines. */
export interface TestedWay {
  readonly way: SendingWay
  readonly name: string
  readonly run: MailTest
}

/** A message that was sent, by its names. */
export type SentTestMail = SentMail & NamedMail

/** A message as it is judged. */
export interface TestedMail extends TestedWay {
  /** The name of the way and that of the message, in check lines. */
  readonly what: string
  readonly isInfected: boolean
  readonly sent: SentTestMail
}

/** Milliseconds for a line about an accepted message: a queue may precede onescan. */
export const LOG_TIMEOUT = 5_000
/** Milliseconds for the mail server's line about its own error: it precedes the reply. */
const COMPLAINT_TIMEOUT = 1_000

/** A check line, with the complaint of the mail server that is its cause and has its remedy. */
export interface CausedLine extends CheckLine {
  readonly cause?: ServerComplaint | undefined
}

/** Returns the error with this cause, and its remedy if one is known. */
export const caused = (
  what: string,
  value: string,
  cause: ServerComplaint | undefined,
  otherwise: string,
): CausedLine => ({
  ...failure(what, value, cause?.remedy ?? otherwise),
  cause,
})

/** Resolves to what the mail server logged about a failure that its reply has shown. */
export const complaintAfter = ({ log }: MailTest): Promise<ServerComplaint | undefined> =>
  log.waitForComplaint(COMPLAINT_TIMEOUT)

/** Returns the check line with its cause. One with a remedy that an earlier error has refers to that instead. */
export function withCause(
  { cause, ...rest }: CausedLine,
  earlier: Map<string, CheckLine>,
): CheckLine {
  const { level, what, value, remedy = '' } = rest
  if (level !== 'error' && cause === undefined) return rest
  const first = earlier.get(cause?.text ?? remedy)
  if (first !== undefined && (cause !== undefined || first.value !== value))
    return { level, what, value: `${value}; the remedy is that for ${first.what}, above` }
  earlier.set(cause?.text ?? remedy, rest)
  return cause === undefined
    ? rest
    : { ...rest, value: `${value}; the mail server logged: ${quoted(cause.text)}` }
}

/** Upper limit for the characters shown of a line of the mail server. */
export const RULE_SHOWN = 200

/** The beginning of a line of the mail server, in quotation marks. */
export const quoted = (line: string): string => JSON.stringify(line.slice(0, RULE_SHOWN))

export const mayArrive = ({ run, sent }: TestedMail): string =>
  `${run.address} may get this mail (Subject: ${sent.subject})`
