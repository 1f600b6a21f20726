import { errorText } from '../base/errors/fault.ts'
import { TIMED_OUT, withTimeout } from '../base/flow/timeout.ts'
import type { QuotaAnswer } from '../base/protocol/quota/quota-answer.ts'
import { formatDuration } from '../base/text/units.ts'
import type { LogTrouble, ServiceCounters } from './quotad-log.ts'
import type { ServiceOptions } from './quotad-options.ts'
import type { ServiceSettings } from './service-settings.ts'
import type { Behind } from './sources/aliases.ts'
import { type MailboxTemplate, parseUser, type User } from './sources/mailbox-location.ts'
import {
  isFull,
  limitsOf,
  type MailboxResult,
  type Measure,
  type QuotaLimits,
  type ReadMailbox,
} from './sources/mailbox-result.ts'
import type { LookUpUser } from './sources/users.ts'

/** An answer about a mailbox, and the source of its numbers. */
export interface MailboxAnswer {
  readonly answer: QuotaAnswer
  /** The source in a word for people: `maildirsize`, `walk`, `mbox`. */
  readonly source?: string
  /** A mailbox or list that is missing or cannot be read. Logged, and not sent to the client. */
  readonly trouble?: { readonly place: string; readonly reason: string }
}

const noSuchUser: MailboxAnswer = { answer: { status: 'no-such-user' } }

/** The sources of an answer: where users, their mailboxes and their limits are found. */
export interface MailboxLookup {
  /** Finds the mailboxes behind a user by aliases. Undefined if there are none. */
  readonly follow?: ((user: User) => Promise<Behind>) | undefined
  /** Searches the lists of users. Undefined if there are none: then every mailbox has a user. */
  readonly askUsers: LookUpUser | undefined
  /** The path of a user's mailbox, or the user's name in another service. */
  readonly locate: MailboxTemplate
  readonly read: ReadMailbox
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /**
   * Returns the limits that the administrator set for a user. They override all others. Throws an Error if
   * they cannot be read.
   */
  readonly limits: ((user: User) => QuotaLimits | undefined) | undefined
  /** The limits of users without other limits. */
  readonly defaultLimits: QuotaLimits
  /** Forgets mailboxes and users. */
  forget(): void
}

/** Answers about one user. The answer is not a promise if it is known immediately. Never rejects. */
type AnswerFor = (user: User, incoming: number) => MailboxAnswer | Promise<MailboxAnswer>

/**
 * Makes the function that answers in four steps: it finds the user's account and the limits, reads
 * the mailbox, and compares. If a step fails, the answer is `unknown`, never `full`.
 */
function answerFrom(lookup: MailboxLookup): AnswerFor {
  const { askUsers, locate, read, limits, defaultLimits, uptime } = lookup

  function readFor(
    user: User,
    incoming: number,
    account: { readonly home?: string; readonly limits?: QuotaLimits },
    waited = 0,
  ): ReturnType<AnswerFor> {
    const location = locate(user, account.home)
    if (location === undefined) return noSuchUser
    let limitsOfUser: QuotaLimits | undefined
    try {
      limitsOfUser = limits?.(user) ?? account.limits
    } catch (error) {
      return troubleAnswer('QUOTAMAP', errorText(error))
    }
    const measure = { incoming, limits: limitsOfUser, defaultLimits, waited }
    const conclude = (mailbox: MailboxResult) =>
      mailboxAnswerOf(mailbox, location.path, measure, askUsers !== undefined)
    const result = read(location, measure)
    return result instanceof Promise ? result.then(conclude) : conclude(result)
  }

  if (!askUsers) return (user, incoming) => readFor(user, incoming, {})
  return async (user, incoming) => {
    const began = uptime()
    const account = await askUsers(user)
    switch (account.kind) {
      case 'account':
        return readFor(user, incoming, account, uptime() - began)
      case 'nobody':
        return noSuchUser
      case 'trouble':
        return troubleAnswer('QUOTAUSERS', account.reason)
    }
  }
}

/** Makes the function that answers about the mailboxes behind aliases, each as `answerFor` does. */
function answerBehind(
  follow: NonNullable<MailboxLookup['follow']>,
  answerFor: AnswerFor,
): AnswerFor {
  return async (user, incoming) => {
    try {
      const { users, hasOthers } = await follow(user)
      const answers: MailboxAnswer[] = []
      for (const next of users) answers.push(await answerFor(next, incoming))
      if (hasOthers) answers.push({ answer: { status: 'room' }, source: 'alias' })
      return inOneAnswer(answers)
    } catch (error) {
      return troubleAnswer('QUOTAALIASES', errorText(error))
    }
  }
}

/** An alias is full if all mailboxes behind it are. Those without a user do not count, unless there is no other. */
function inOneAnswer(answers: readonly MailboxAnswer[]): MailboxAnswer {
  const of = (wanted: QuotaAnswer['status']) =>
    answers.find(({ answer }) => answer.status === wanted)
  return of('room') ?? of('unknown') ?? of('full') ?? noSuchUser
}

function mailboxAnswerOf(
  result: MailboxResult,
  path: string,
  measure: Measure,
  isListed: boolean,
): MailboxAnswer {
  switch (result.kind) {
    case 'usage': {
      const { source } = result
      const limits = limitsOf(measure, result.limits)
      const quota = limits.bytes ? { quota: limits.bytes } : {}
      const usage = { size: result.usage.bytes, ...quota }
      const status = isFull(result.usage, limits, measure.incoming) ? 'full' : 'room'
      return { answer: { status, usage }, source }
    }
    case 'compared':
      return { answer: { status: result.isFull ? 'full' : 'room' }, source: result.source }
    case 'no-such-user':
      return noSuchUser
    case 'no-mailbox': {
      // The first message creates the mailbox. Until then it is empty.
      if (!isListed) return noSuchUser
      const empty: MailboxResult = {
        kind: 'usage',
        usage: { bytes: 0, messages: 0 },
        limits: undefined,
        source: 'none yet',
      }
      const trouble = { place: path, reason: 'does not exist: it is treated as empty' }
      return { ...mailboxAnswerOf(empty, path, measure, isListed), trouble }
    }
    case 'trouble':
      return troubleAnswer(path, result.reason)
  }
}

function troubleAnswer(place: string, reason: string): MailboxAnswer {
  return {
    answer: { status: 'unknown', reason: `${place}: ${reason}` },
    trouble: { place, reason },
  }
}

/** Answers a request about a name that any client may have sent. */
type AnswerForName = (name: string, incoming: number) => MailboxAnswer | Promise<MailboxAnswer>

/** The service that both protocols offer. */
export interface QuotaService extends Pick<ServiceOptions, 'mayAsk' | 'maxClients'> {
  readonly answerForName: AnswerForName
  readonly counters: ServiceCounters
}

/**
 * Milliseconds beyond the time of a lookup, in which the source can still report that its count takes longer.
 * After that no client waits, even if a file system hangs.
 */
const LATE_ANSWER_WAIT = 50

/** Answers queries of all protocols, counts the answers, and logs trouble with mailboxes. */
export function answersForNames(
  lookup: MailboxLookup,
  { lookupTimeout }: Pick<ServiceSettings, 'lookupTimeout'>,
  counters: ServiceCounters,
  logTrouble: LogTrouble,
): AnswerForName {
  const ofMailbox = answerFrom(lookup)
  const answerFor = lookup.follow ? answerBehind(lookup.follow, ofMailbox) : ofMailbox

  function note(answer: MailboxAnswer): MailboxAnswer {
    counters[counterOf(answer.answer)]++
    if (answer.trouble) logTrouble(answer.trouble)
    return answer
  }

  return (name, incoming) => {
    const user = parseUser(name)
    const answer = user ? answerFor(user, incoming) : noSuchUser
    return answer instanceof Promise ? waitFor(answer, name) : note(answer)
  }

  async function waitFor(answer: Promise<MailboxAnswer>, name: string): Promise<MailboxAnswer> {
    const result = await withTimeout(answer, lookupTimeout + LATE_ANSWER_WAIT)
    return note(
      result === TIMED_OUT
        ? troubleAnswer(name, `no answer in ${formatDuration(lookupTimeout)}`)
        : result,
    )
  }
}

function counterOf({ status }: QuotaAnswer): 'room' | 'full' | 'noSuchUser' | 'unknown' {
  return status === 'no-such-user' ? 'noSuchUser' : status
}
