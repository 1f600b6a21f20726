import { errorText } from '../../ground/errors/fault.ts'
import { InFlight } from '../../ground/flow/in-flight.ts'
import { LruCache } from '../../ground/flow/lru-cache.ts'
import { type MailAddress, withPlainDomain } from '../../message/envelope/address.ts'
import { takesSize } from './backend.ts'
import type { BackendOf } from './backend-map.ts'
import { Backends } from './backends.ts'
import { answerFor, type DatedAnswer, datedAnswer } from './cache.ts'
import { QuestionCounters } from './counters.ts'
import { findByExtension, type NamedMailbox, namedMailboxOf } from './mailbox-name.ts'
import type { ExplainedAnswer, QuotaAnswer, SourcedAnswer, TimedLookup } from './quota-answer.ts'
import type { QuotaSettings } from './quota-settings.ts'

/** Asks about mailboxes, for all doors of a process. */
export interface QuotaClient extends TimedLookup {
  /** Asks, and explains where the answer comes from. Such questions are not counted. */
  explain(address: MailAddress, incoming?: number): Promise<ExplainedAnswer>
  readonly counters: Readonly<QuestionCounters>
  /** Keeps no idle connections from now on. Questions under way still get their answers. */
  close(): void
  /**
   * Resolves when each datagram has its answer, or the time of its question is over. A process that
   * ends must wait for this: another process could get the port to which an answer is still sent.
   */
  settled(): Promise<void>
}

export interface QuotaClientOptions {
  readonly backendOf: BackendOf
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  /** Takes a line of text when a backend fails, and when it answers again. */
  readonly log: (line: string) => void
}

/**
 * Makes the client. It remembers answers, the longer the more room a mailbox has, and asks no two
 * questions about the same mailbox at the same time.
 */
export function createQuotaClient(
  settings: QuotaSettings,
  options: QuotaClientOptions,
): QuotaClient {
  const { uptime, backendOf } = options
  const cache = new LruCache<DatedAnswer>(settings.cacheSize)
  const counters = new QuestionCounters()
  const backends = new Backends(settings, { ...options, counters })
  const inFlight = new InFlight<DatedAnswer>()

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
  ): Promise<ExplainedAnswer> {
    return findByExtension(withPlainDomain(address), settings.delimiters, (candidate) =>
      findExactly(candidate, incoming, count),
    )
  }

  async function findExactly(
    address: MailAddress,
    incoming: number,
    count: QuestionCounters,
  ): Promise<ExplainedAnswer> {
    const mailbox = namedMailboxOf(address, settings.nameForm)
    if (mailbox === undefined) return explainAnswer(cannotTell('is no name of a mailbox'))
    for (;;) {
      const time = uptime()
      const known = cache.get(address.text)
      const holds = known !== undefined && known.until > time
      const remembered = holds ? answerFor(known, incoming, time) : undefined
      if (known && remembered) {
        count.cached++
        return explainAnswer(known, remembered)
      }
      // There is one question at a time about each mailbox. Other callers share its answer.
      const shared = inFlight.get(address.text)
      const fresh = await (shared ??
        inFlight.begin(address.text, question(mailbox, incoming, count)))
      const answer = answerFor(fresh, incoming, uptime())
      if (answer === undefined) continue // the shared question was about another size
      if (shared) count.shared++
      return explainAnswer(fresh, answer)
    }
  }

  async function question(
    mailbox: NamedMailbox,
    incoming: number,
    count: QuestionCounters,
  ): Promise<DatedAnswer> {
    let backend: Awaited<ReturnType<BackendOf>>
    try {
      backend = await backendOf(mailbox.address)
    } catch (error) {
      return cannotTell(`whose mailbox it is: ${errorText(error)}`)
    }
    if (backend === undefined) {
      return { ...cannotTell('no backend is known to have it'), isUnknownUser: true }
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
    const sizeAsked = takesSize(backend) ? incoming : undefined
    const result = asking.reply.then((reply) =>
      take(reply, mailbox, { incoming: sizeAsked, source }),
    )
    return asking.isProbe ? cannotTell(`${source} does not answer`, source) : result
  }

  function take(
    answer: QuotaAnswer,
    { address }: NamedMailbox,
    about: Pick<DatedAnswer, 'incoming' | 'source'>,
  ): DatedAnswer {
    const dated = datedAnswer(answer, { ...about, at: uptime() }, settings.soft)
    if (dated.until > dated.at) cache.set(address.text, dated)
    return dated
  }

  function cannotTell(why: string, source?: string): DatedAnswer {
    return datedAnswer({ answer: 'unknown', why }, { source, incoming: undefined, at: uptime() }, 0)
  }

  return {
    ask,
    askForRelayClients: settings.askForRelayClients,
    timeout: settings.timeout,
    explain: (address, incoming = 0) => find(address, incoming, new QuestionCounters()),
    counters,
    close: () => backends.close(),
    settled: () => backends.settled(),
  }
}

/** Explains an answer. `answer` is what it says about the size of the message at hand. */
function explainAnswer(sourced: SourcedAnswer, answer = sourced.answer): ExplainedAnswer {
  const { source, isUnknownUser } = sourced
  return { answer, isUnknownUser, source }
}

function kindOf({ answer }: QuotaAnswer): 'room' | 'full' | 'noSuchUser' | 'couldNotTell' {
  if (answer === 'no-such-user') return 'noSuchUser'
  return answer === 'unknown' ? 'couldNotTell' : answer
}
