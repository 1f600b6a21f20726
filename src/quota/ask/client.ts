import { errorText } from '../../ground/errors/fault.ts'
import { answerInTime } from '../../ground/flow/deadline.ts'
import { createInFlight } from '../../ground/flow/in-flight.ts'
import { type MailAddress, withPlainDomain } from '../../message/envelope/address.ts'
import { takesSize } from './backend.ts'
import type { BackendOf } from './backend-map.ts'
import { createBackends } from './backends.ts'
import { answerFor, createQuotaCache, type GivenAnswer, givenAnswer } from './cache.ts'
import { createCounters, type QuestionCounters } from './counters.ts'
import { findByExtension, mailboxOf, type NamedMailbox } from './mailbox-name.ts'
import type { Explained, QuotaAnswer, Sourced, TimedLookup } from './quota-answer.ts'
import type { QuotaSettings } from './quota-settings.ts'

/** One client for all doors of a process. */
export interface QuotaClient extends TimedLookup {
  /** The same, with where the answer comes from. Not counted. */
  explain(address: MailAddress, incoming?: number): Promise<Explained>
  readonly counters: Readonly<QuestionCounters>
  /** Keeps no connections from now on; questions that were asked still get their answers. */
  close(): void
  /**
   * Resolves when each datagram has its answer, or the time of its question is over. A process that
   * ends must wait for this, since others could get the port to which an answer is still to come.
   */
  settled(): Promise<void>
}

export interface QuotaClientOptions {
  readonly backendOf: BackendOf
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** When a backend fails, and when it answers again: a line of text. */
  readonly log: (line: string) => void
}

/**
 * Asks backends about mailboxes: as seldom as their fill allows, and never twice at the same time.
 */
export function createQuotaClient(
  settings: QuotaSettings,
  options: QuotaClientOptions,
): QuotaClient {
  const { now, backendOf } = options
  const cache = createQuotaCache(settings.cacheSize)
  const counters = createCounters()
  const backends = createBackends(settings, { ...options, counters })
  const underWay = createInFlight<GivenAnswer>()

  async function ask(address: MailAddress, incoming = 0): Promise<QuotaAnswer> {
    counters.questions++
    const { answer } = await find(address, incoming, counters)
    counters[kindOf(answer)]++
    return answer
  }

  async function find(
    address: MailAddress,
    incoming: number,
    count: QuestionCounters,
  ): Promise<Explained> {
    return findByExtension(withPlainDomain(address), settings.delimiters, (candidate) =>
      findExactly(candidate, incoming, count),
    )
  }

  async function findExactly(
    address: MailAddress,
    incoming: number,
    count: QuestionCounters,
  ): Promise<Explained> {
    const mailbox = mailboxOf(address, settings.nameForm)
    if (mailbox === undefined) return explained(cannotTell('is no name of a mailbox'))
    for (;;) {
      const time = now()
      const known = cache.get(address.text, time)
      const remembered = known && answerFor(known, incoming, time)
      if (known && remembered) {
        count.cached++
        const cached = { age: time - known.at, left: known.until - time }
        return { ...explained(known, remembered), cached }
      }
      // One question at a time for each mailbox; others wait for the same answer.
      const shared = underWay.get(address.text)
      const fresh = await (shared ??
        underWay.begin(address.text, question(mailbox, incoming, count)))
      const answer = answerFor(fresh, incoming, now())
      if (answer === undefined) continue // it was asked for another size
      if (shared) count.shared++
      return explained(fresh, answer)
    }
  }

  async function question(
    mailbox: NamedMailbox,
    incoming: number,
    count: QuestionCounters,
  ): Promise<GivenAnswer> {
    let backend: Awaited<ReturnType<BackendOf>>
    try {
      const found = backendOf(mailbox.address)
      backend = found instanceof Promise ? await answerInTime(found, settings.timeout) : found
    } catch (error) {
      return cannotTell(`whose mailbox it is: ${errorText(error)}`)
    }
    if (backend === undefined) {
      return { ...cannotTell('no backend is known to have it'), isNobodys: true }
    }
    if (backend === 'no-such-user') {
      return take({ answer: backend }, mailbox, { incoming: undefined, source: 'LDAP' })
    }
    const source = backend.text
    const asking = backends.ask(backend, { name: mailbox.name, incoming })
    if (asking === undefined) {
      count.skipped++
      return cannotTell(`${source} does not answer`, source)
    }
    count.asked++
    const told = takesSize(backend) ? incoming : undefined
    const result = asking.reply.then((reply) => take(reply, mailbox, { incoming: told, source }))
    return asking.isProbe ? cannotTell(`${source} does not answer`, source) : result
  }

  function take(
    answer: QuotaAnswer,
    { address }: NamedMailbox,
    about: Pick<GivenAnswer, 'incoming' | 'source'>,
  ): GivenAnswer {
    const taken = givenAnswer(answer, { ...about, at: now() }, settings.soft)
    if (taken.until > taken.at) cache.set(address.text, taken)
    return taken
  }

  function cannotTell(why: string, source?: string): GivenAnswer {
    return givenAnswer({ answer: 'unknown', why }, { source, incoming: undefined, at: now() }, 0)
  }

  return {
    ask,
    askForRelayClients: settings.askForRelayClients,
    timeout: settings.timeout,
    explain: (address, incoming = 0) => find(address, incoming, createCounters()),
    counters,
    close: backends.close,
    settled: backends.settled,
  }
}

/** `answer` is what the given answer says about the size that is asked about. */
function explained(given: Sourced, answer = given.answer): Explained {
  const { source, isNobodys } = given
  return { answer, isNobodys, source, cached: undefined }
}

function kindOf({ answer }: QuotaAnswer): 'room' | 'full' | 'noSuchUser' | 'couldNotTell' {
  if (answer === 'no-such-user') return 'noSuchUser'
  return answer === 'unknown' ? 'couldNotTell' : answer
}
