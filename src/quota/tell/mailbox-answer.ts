import { inTime, LATE } from '../../ground/flow/deadline.ts'
import type { QuotaAnswer } from '../ask/quota-answer.ts'
import type { ServiceCounters } from './counters.ts'
import type { LogTrouble } from './log.ts'
import { isFull, type QuotaLimits } from './sources/limits.ts'
import type { MailboxTemplate } from './sources/mailbox.ts'
import { limitsOf, type MailboxReading, type Measure, type ReadMailbox } from './sources/reading.ts'
import { parseUser, type User } from './sources/user-name.ts'
import type { LookUpUser } from './sources/users.ts'

/** An answer about a mailbox, and where it comes from. */
export interface MailboxFinding {
  readonly answer: QuotaAnswer
  /** For people: `maildirsize`, `walk`, `mbox`. */
  readonly source?: string
  /** The mailbox should have been counted anew, and that took too long. */
  readonly stale?: boolean
  /** Which mailbox or list could not be read, or is not there: for the log, not for those that ask. */
  readonly trouble?: { readonly what: string; readonly why: string }
}

/** How a user is found, and what the user may have. */
export interface MailboxLookup {
  /** Undefined if no list says who is a user: whoever has a mailbox is one. */
  readonly lookUp: LookUpUser | undefined
  /** Where the mailbox is, or how another service knows the user. */
  readonly mailbox: MailboxTemplate
  readonly read: ReadMailbox
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /**
   * The limits that the administrator sets; they come before all others. Throws an Error if they
   * cannot be read.
   */
  readonly limits: ((user: User) => QuotaLimits | undefined) | undefined
  /** The limits of users for whom nothing else is said. */
  readonly standard: QuotaLimits
}

/** Answers about one user, at once if nothing must be waited for. Never rejects. */
export type AnswerFor = (user: User, incoming: number) => MailboxFinding | Promise<MailboxFinding>

/**
 * The steps of every question: the user's account, the limits, the mailbox, the comparison. If a
 * step finds nothing out, the answer is `unknown`, never `full`.
 */
export function answerFrom(lookup: MailboxLookup): AnswerFor {
  const { lookUp, mailbox, read, limits, standard, uptime } = lookup

  function readFor(
    user: User,
    incoming: number,
    account: KnownAccount,
    waited = 0,
  ): ReturnType<AnswerFor> {
    const place = mailbox(user, account.home)
    if (place === undefined) return { answer: { answer: 'no-such-user' } }
    let own: QuotaLimits | undefined
    try {
      own = limits?.(user) ?? account.limits
    } catch (error) {
      return inTrouble('QUOTAMAP', (error as Error).message)
    }
    const measure = { incoming, limits: own, standard, waited }
    const conclude = (reading: MailboxReading) =>
      findingOf(reading, place.path, measure, lookUp !== undefined)
    const reading = read(place, measure)
    return reading instanceof Promise ? reading.then(conclude) : conclude(reading)
  }

  if (!lookUp) return (user, incoming) => readFor(user, incoming, {})
  return async (user, incoming) => {
    const began = uptime()
    const account = await lookUp(user)
    switch (account.found) {
      case 'account':
        return readFor(user, incoming, account, uptime() - began)
      case 'nobody':
        return { answer: { answer: 'no-such-user' } }
      case 'trouble':
        return inTrouble('QUOTAUSERS', account.why)
    }
  }
}

interface KnownAccount {
  readonly home?: string
  readonly limits?: QuotaLimits
}

function findingOf(
  reading: MailboxReading,
  path: string,
  measure: Measure,
  isListed: boolean,
): MailboxFinding {
  switch (reading.found) {
    case 'use': {
      const { use, source, stale } = reading
      const limits = limitsOf(measure, reading.limits)
      const usage = { size: use.bytes, ...(limits.bytes ? { quota: limits.bytes } : {}) }
      const answer = isFull(use, limits, measure.incoming) ? 'full' : 'room'
      return { answer: { answer, usage }, source, ...(stale ? { stale } : {}) }
    }
    case 'verdict':
      return { answer: { answer: reading.full ? 'full' : 'room' }, source: reading.source }
    case 'no-such-user':
      return { answer: { answer: 'no-such-user' } }
    case 'no-mailbox': {
      // Made with the first message: until then it is empty.
      if (!isListed) return { answer: { answer: 'no-such-user' } }
      const empty: MailboxReading = {
        found: 'use',
        use: { bytes: 0, messages: 0 },
        source: 'none yet',
      }
      const trouble = { what: path, why: 'is not there: it counts as empty' }
      return { ...findingOf(empty, path, measure, isListed), trouble }
    }
    case 'trouble':
      return inTrouble(path, reading.why)
  }
}

function inTrouble(what: string, why: string): MailboxFinding {
  return { answer: { answer: 'unknown', why: `${what}: ${why}` }, trouble: { what, why } }
}

/** Answers about a name that may come from anybody. */
export type AnswerForName = (
  name: string,
  incoming: number,
) => MailboxFinding | Promise<MailboxFinding>

interface AnswerForNameOptions {
  readonly answerFor: AnswerFor
  readonly keepCase: boolean
  /** Milliseconds that a question waits for others. */
  readonly patience: number
  readonly counters: ServiceCounters
  readonly logTrouble: LogTrouble
}

/**
 * Milliseconds after its time in which a question may still be answered from what is known, such as
 * a stale sum. After that nothing is waited for, not even a file system that hangs.
 */
export const GRACE = 50

const nobody: MailboxFinding = { answer: { answer: 'no-such-user' } }

/** Answers questions of all protocols, counts them, and logs what could not be read. */
export function answersForNames({
  answerFor,
  keepCase,
  patience,
  counters,
  logTrouble,
}: AnswerForNameOptions): AnswerForName {
  function note(finding: MailboxFinding): MailboxFinding {
    counters[counterOf(finding.answer)]++
    if (finding.stale) counters.stale++
    if (finding.trouble) logTrouble(finding.trouble)
    return finding
  }

  return (name, incoming) => {
    const user = parseUser(name, keepCase)
    const finding = user ? answerFor(user, incoming) : nobody
    return finding instanceof Promise ? waitFor(finding, name) : note(finding)
  }

  async function waitFor(finding: Promise<MailboxFinding>, name: string): Promise<MailboxFinding> {
    const told = await inTime(finding, patience + GRACE)
    return note(told === LATE ? inTrouble(name, `no answer in ${patience} ms`) : told)
  }
}

function counterOf({ answer }: QuotaAnswer): 'room' | 'full' | 'noSuchUser' | 'unknown' {
  return answer === 'no-such-user' ? 'noSuchUser' : answer
}
