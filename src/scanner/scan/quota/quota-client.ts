import { errorText } from '../../../base/errors/fault.ts'
import { SharedWork } from '../../../base/flow/cache.ts'
import { readUptime } from '../../../base/flow/uptime.ts'
import type { QuotaAnswer } from '../../../base/protocol/quota/quota-answer.ts'
import { type MailAddress, withPlainDomain } from '../../../base/text/address.ts'
import { type BackendOf, type BackendSource, openBackends } from './backend-of.ts'
import { Backends, QuestionCounters } from './backends.ts'
import { findByExtension, type NamedMailbox, namedMailboxOf } from './mailbox.ts'
import { answerFor, type DatedAnswer, datedAnswer, QuotaCache } from './quota-cache.ts'
import type { ExplainedAnswer, QuotaLookup } from './quota-lookup.ts'
import { acceptsSize, type QuotaSettings } from './quota-settings.ts'

interface QuotaClientOptions {
  /** Finds the server of a mailbox: a fixed backend, a map, or a directory. */
  readonly backends: BackendSource
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Takes a line of text when a backend fails, and when it answers again. */
  readonly log: (line: string) => void
}

/** Opens the client that the settings describe. Throws a Fault of kind `config` for a bad map. */
export function openQuotaClient(settings: QuotaSettings, log: (line: string) => void): QuotaClient {
  return new QuotaClient(settings, {
    backends: openBackends(settings, readUptime),
    uptime: readUptime,
    log,
  })
}

/**
 * Looks up quotas for all doors of a process. It caches answers (quota-cache.ts).
 * It never sends two requests about the same mailbox at the same time.
 */
export class QuotaClient implements QuotaLookup {
  readonly asksForRelayClients: boolean
  readonly timeout: number
  readonly #counters = new QuestionCounters()
  readonly #settings: QuotaSettings
  readonly #options: QuotaClientOptions
  readonly #cache = new QuotaCache()
  readonly #questions: Backends
  readonly #underWay = new SharedWork<DatedAnswer>()

  constructor(settings: QuotaSettings, options: QuotaClientOptions) {
    this.asksForRelayClients = settings.asksForRelayClients
    this.timeout = settings.timeout
    this.#settings = settings
    this.#options = options
    this.#questions = new Backends(settings, { ...options, counters: this.#counters })
  }

  get counters(): Readonly<QuestionCounters> {
    return this.#counters
  }

  async ask(address: MailAddress, incoming = 0): Promise<QuotaAnswer> {
    this.#counters.questions++
    const { answer } = await this.#find(address, incoming, this.#counters)
    this.#counters[kindOf(answer)]++
    return answer
  }

  /** Sends a request, and explains the source of the answer. Such requests are not counted. */
  explain(address: MailAddress, incoming = 0): Promise<ExplainedAnswer> {
    return this.#find(address, incoming, new QuestionCounters())
  }

  /** Keeps no idle connections from now on. Queries under way still get their answers. */
  close(): void {
    this.#questions.close()
    this.#options.backends.close?.()
  }

  async #find(
    address: MailAddress,
    incoming: number,
    count: QuestionCounters,
  ): Promise<ExplainedAnswer> {
    return findByExtension(withPlainDomain(address), this.#settings.delimiters, (candidate) =>
      this.#findExactly(candidate, incoming, count),
    )
  }

  async #findExactly(
    address: MailAddress,
    incoming: number,
    count: QuestionCounters,
  ): Promise<ExplainedAnswer> {
    const mailbox = namedMailboxOf(address, this.#settings.nameStyle)
    if (mailbox === undefined) return this.#unknown('is not the name of a mailbox')
    for (;;) {
      const cached = this.#cache.find(address, incoming, this.#options.uptime())
      if (cached) {
        count.cached++
        return cached
      }
      // There is one query at a time about each mailbox. Other callers share its answer.
      const shared = this.#underWay.get(address.text)
      const fresh = await (shared ??
        this.#underWay.begin(address.text, this.#question(mailbox, incoming, count)))
      const answer = answerFor(fresh, incoming, this.#options.uptime())
      if (answer === undefined) continue // the shared query was about another size
      if (shared) count.shared++
      return { ...fresh, answer }
    }
  }

  async #question(
    mailbox: NamedMailbox,
    incoming: number,
    count: QuestionCounters,
  ): Promise<DatedAnswer> {
    let backend: Awaited<ReturnType<BackendOf>>
    try {
      backend = await this.#options.backends.backendOf(mailbox.address)
    } catch (error) {
      return this.#unknown(`the service of this mailbox is unknown: ${errorText(error)}`)
    }
    if (backend === undefined) {
      return { ...this.#unknown('QUOTAD names no service for this address'), isUnknownUser: true }
    }
    if (backend === 'no-such-user') {
      return this.#take({ status: backend }, mailbox, { incoming: undefined, source: 'LDAP' })
    }
    const source = backend.text
    const asking = this.#questions.ask(backend, { name: mailbox.name, incoming })
    if (asking === undefined) {
      count.skipped++
      return this.#unknown(`${source} does not answer`, source)
    }
    count.asked++
    const sizeAsked = acceptsSize(backend) ? incoming : undefined
    const result = asking.reply.then((reply) =>
      this.#take(reply, mailbox, { incoming: sizeAsked, source }),
    )
    return asking.isProbe ? this.#unknown(`${source} does not answer`, source) : result
  }

  #take(
    answer: QuotaAnswer,
    { address }: NamedMailbox,
    request: Pick<DatedAnswer, 'incoming' | 'source'>,
  ): DatedAnswer {
    const dated = datedAnswer(
      answer,
      { ...request, at: this.#options.uptime() },
      this.#settings.soft,
    )
    this.#cache.keep(address, dated)
    return dated
  }

  #unknown(reason: string, source?: string): DatedAnswer {
    return datedAnswer(
      { status: 'unknown', reason },
      { source, incoming: undefined, at: this.#options.uptime() },
      0,
    )
  }
}

function kindOf({ status: answer }: QuotaAnswer): 'room' | 'full' | 'noSuchUser' | 'unknown' {
  if (answer === 'no-such-user') return 'noSuchUser'
  return answer
}
