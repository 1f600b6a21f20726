import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { QuotaLookup } from '../../quota/ask/quota-answer.ts'
import type { Rules } from '../../rules/match.ts'
import type { Judging } from '../shared/judging.ts'
import type { MemoryLease } from '../shared/limits/memory-budget.ts'
import type { LoopWatch } from './loops.ts'
import type { NextServer } from './next-server.ts'
import type { ContentLimits } from './refusals.ts'
import type { EhloReply } from './wire/extensions.ts'

/** What a session, and each mail in it, needs of the server that it belongs to. */
export interface SmtpServer extends ContentLimits {
  /** Whether LMTP is spoken, on both sides. */
  readonly lmtp: boolean
  /** This host's name, for the greeting. */
  readonly hostname: string
  /** Whether the mail is in a queue already: nothing is refused for what is in it. */
  readonly afterQueue: boolean
  /** Whether no more messages are taken. */
  readonly stopping: boolean
  /** Undefined if recipients are taken unasked. */
  readonly quota: QuotaLookup | undefined
  /** Undefined if no recipient is refused by them. */
  readonly rules: Rules | undefined
  /** Whether a sender is that of a trial of onescand's own, which goes to no next server. */
  isTrial(sender: string): boolean
  /** How the message that comes now is judged. */
  startJudging(): Judging
  /** Of the memory of this process, for what is kept of one message. */
  openLease(): MemoryLease
  /** A connection to the next server, greeted. A Fault of kind `chain` if there is none. */
  callNext(): Promise<NextServer>
  readonly loops: LoopWatch
  /** What the next server offered a short while ago; undefined if that is not known. */
  recallEhloReply(): EhloReply | undefined
  rememberEhloReply(offer: EhloReply): void
  /** A line of the log about mail. */
  log(line: Buffer): void
  /** For trouble that concerns no message. */
  complain(line: string): void
  /** A message is being judged; call the result when that is over. */
  readonly begin?: MailReporter['begin'] | undefined
  /** Milliseconds on a clock that never goes back. */
  now(): number
}
