import { errorText } from '../../lib/errors/fault.ts'
import { LruCache, SharedWork } from '../../lib/flow/cache.ts'
import { readUptime } from '../../lib/flow/uptime.ts'
import { type MailAddress, withPlainDomain } from '../../mail/message/envelope/address.ts'
import type { QuotaAnswer, Usage } from '../../protocol/quota/quota-answer.ts'
import { type BackendOf, readBackendMap } from './backend-map.ts'
import { Backends, QuestionCounters } from './backends.ts'
import { LdapBackends } from './ldap-backends.ts'
import { findByExtension, type NamedMailbox, namedMailboxOf } from './mailbox.ts'
import type { ExplainedAnswer, QuotaLookup } from './quota-lookup.ts'
import { acceptsSize, type QuotaSettings } from './quota-settings.ts'

/** The number of mailboxes whose answers a process caches. */
const CACHED_MAX = 20_000

interface QuotaClientOptions {
  /** Finds the server of a mailbox: a fixed backend, a map, or a directory. */
  readonly backends: { readonly backendOf: BackendOf; close?(): void }
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Takes a line of text when a backend fails, and when it answers again. */
  readonly log: (line: string) => void
}

/** Opens the client that the settings describe. Throws a Fault of kind `config` for a bad map. */
export function openQuotaClient(settings: QuotaSettings, log: (line: string) => void): QuotaClient {
  return new QuotaClient(settings, { backends: backendsOf(settings), uptime: readUptime, log })
}

function backendsOf({ where, timeout }: QuotaSettings): QuotaClientOptions['backends'] {
  if ('ldap' in where)
    return new LdapBackends(where.ldap, where.template, { uptime: readUptime, timeout })
  if ('map' in where) return { backendOf: readBackendMap(where.map) }
  return { backendOf: () => where.backend }
}

/**
 * Looks up quotas for all interfaces of a process. It caches answers, for longer the more room a mailbox has.
 * It never sends two requests about the same mailbox at the same time.
 */
export class QuotaClient implements QuotaLookup {
  readonly askForRelayClients: boolean
  readonly timeout: number
  readonly #counters = new QuestionCounters()
  readonly #settings: QuotaSettings
  readonly #options: QuotaClientOptions
  readonly #cache = new LruCache<DatedAnswer>(CACHED_MAX)
  readonly #questions: Backends
  readonly #underWay = new SharedWork<DatedAnswer>()

  constructor(settings: QuotaSettings, options: QuotaClientOptions) {
    this.askForRelayClients = settings.askForRelayClients
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

  /**
   * Resolves when each datagram has its answer, or the time limit of its request is reached. A process that
   * ends must wait for this: another process could get the port to which an answer is still sent.
   */
  settled(): Promise<void> {
    return this.#questions.settled()
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
    const mailbox = namedMailboxOf(address, this.#settings.nameForm)
    if (mailbox === undefined) return this.#unknown('is not the name of a mailbox')
    for (;;) {
      const time = this.#options.uptime()
      const cached = this.#cache.get(address.text)
      const holds = cached !== undefined && cached.until > time
      const remembered = holds ? answerFor(cached, incoming, time) : undefined
      if (cached && remembered) {
        count.cached++
        return { ...cached, answer: remembered }
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
      return this.#unknown(`whose mailbox it is: ${errorText(error)}`)
    }
    if (backend === undefined) {
      return { ...this.#unknown('no service is known to have it'), isUnknownUser: true }
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
    about: Pick<DatedAnswer, 'incoming' | 'source'>,
  ): DatedAnswer {
    const dated = datedAnswer(answer, { ...about, at: this.#options.uptime() }, this.#settings.soft)
    if (dated.until > dated.at) this.#cache.set(address.text, dated)
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

/** An answer, the query that it was given to, and the time until which it holds. */
interface DatedAnswer extends ExplainedAnswer {
  /** The size of the message in the request, or undefined if the service receives none. */
  readonly incoming: number | undefined
  /**
   * The times at which the answer was given and expires, in milliseconds of `uptime`. Both are equal for an
   * answer that is not cached.
   */
  readonly at: number
  readonly until: number
}

export function datedAnswer(
  answer: QuotaAnswer,
  about: Pick<DatedAnswer, 'source' | 'incoming' | 'at'>,
  soft: number,
): DatedAnswer {
  const isUnknownUser = answer.status === 'no-such-user'
  return { ...about, answer, isUnknownUser, until: about.at + lifetimeOf(answer, soft) }
}

/**
 * Applies a cached answer to a message of `incoming` bytes. Returns undefined if the answer does not cover
 * that size, so that the service must be asked. An answer older than `FULL_FOR` is never *full*, because the
 * mailbox may have room by now.
 */
export function answerFor(
  dated: DatedAnswer,
  incoming: number,
  time: number,
): QuotaAnswer | undefined {
  const { answer, incoming: asked = incoming } = dated
  if (answer.status === 'full') return incoming >= asked ? answer : undefined
  if (answer.status !== 'room') return answer
  const { usage } = answer
  if (usage === undefined) return incoming <= asked ? answer : undefined
  if (usage.quota === undefined || usage.size + incoming <= usage.quota) return answer
  // The service reported room for a smaller message.
  return time - dated.at < FULL_FOR ? { status: 'full', usage } : undefined
}

/** Milliseconds of a second. The constants below are lifetimes of answers. */
const SECOND = 1000
/** For a mailbox with much room, or without a quota. */
const MUCH_ROOM_FOR = 3600 * SECOND
/** For a mailbox that is nearly full. */
const NEARLY_FULL_FOR = 5 * SECOND
/** For a full mailbox. A user who makes room should not have to wait long. */
const FULL_FOR = 30 * SECOND
/** For a mailbox with room, if the service does not report its usage. */
const ROOM_FOR = 60 * SECOND
/** For a user unknown to the service. Mail for such a user passes in any case. */
const NO_SUCH_USER_FOR = 300 * SECOND

/**
 * Returns the milliseconds for which an answer holds. Up to `soft` (a share of the quota, 0 to 1)
 * that is an hour. From there on the time falls exponentially, to five seconds for a mailbox that
 * is nearly full. The answer `unknown` does not hold at all.
 */
function lifetimeOf(answer: QuotaAnswer, soft: number): number {
  switch (answer.status) {
    case 'room':
      return lifetimeOfRoom(answer.usage, soft)
    case 'full':
      return FULL_FOR
    case 'no-such-user':
      return NO_SUCH_USER_FOR
    case 'unknown':
      return 0
  }
}

function lifetimeOfRoom(usage: Usage | undefined, soft: number): number {
  if (usage === undefined) return ROOM_FOR
  if (usage.quota === undefined) return MUCH_ROOM_FOR
  const fill = usage.size / usage.quota
  if (fill < soft) return MUCH_ROOM_FOR
  if (fill >= 1) return NEARLY_FULL_FOR
  const share = (fill - soft) / (1 - soft) // of the way from `soft` to full
  return MUCH_ROOM_FOR * (NEARLY_FULL_FOR / MUCH_ROOM_FOR) ** share
}
