import { type MailAddress, withPlainDomain } from '../envelope/address.ts'
import { answerInTime } from '../runtime/deadline.ts'
import { errorText } from '../runtime/fault.ts'
import { createUnderWay } from '../runtime/under-way.ts'
import { takesSize } from './backend.ts'
import type { BackendOf } from './backend-map.ts'
import { createBackends } from './backends.ts'
import { answerFor, type CachedAnswer, createQuotaCache, remember } from './cache.ts'
import { type Counters, createCounters } from './counters.ts'
import { findByExtension, type Mailbox, mailboxOf } from './mailbox-name.ts'
import type { Explained, QuotaAnswer, TimedLookup } from './quota-answer.ts'
import type { QuotaSettings } from './quota-settings.ts'
import type { ServiceReply } from './service-reply.ts'

/** One client for all doors of a process. */
export interface QuotaClient extends TimedLookup {
  /** The same, with where the answer comes from. Not counted. */
  explain(address: MailAddress, incoming?: number): Promise<Explained>
  readonly counters: Readonly<Counters>
  /** Keeps no connections from now on; what is asked still gets its answer. */
  close(): void
  /**
   * Resolves when each datagram has its answer, or the time of its question is over. For a
   * process that ends: the port of one that is still to be answered would be free for others.
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

/** What a question came to, and who was asked. */
interface QuestionResult {
  readonly outcome: ServiceReply
  readonly known: CachedAnswer | undefined
  readonly source: string | undefined
  /** Nobody is known who could be asked. */
  readonly unplaced?: true
}

/** Asks backends about mailboxes, as seldom as their fill allows and never twice at a time. */
export function createQuotaClient(
  settings: QuotaSettings,
  options: QuotaClientOptions,
): QuotaClient {
  const { now, backendOf } = options
  const cache = createQuotaCache(settings.cacheSize)
  const counters = createCounters()
  const backends = createBackends(settings, { ...options, counters })
  const underWay = createUnderWay<QuestionResult>()

  async function ask(address: MailAddress, incoming = 0): Promise<QuotaAnswer> {
    counters.questions++
    const { answer } = await find(address, incoming, counters)
    counters[kindOf(answer)]++
    return answer
  }

  async function find(address: MailAddress, incoming: number, count: Counters): Promise<Explained> {
    return findByExtension(withPlainDomain(address), settings.delimiters, (one) =>
      findExactly(one, incoming, count),
    )
  }

  async function findExactly(
    address: MailAddress,
    incoming: number,
    count: Counters,
  ): Promise<Explained> {
    const mailbox = mailboxOf(address, settings.nameForm)
    if (mailbox === undefined) return unanswered('is no name of a mailbox')
    for (;;) {
      const time = now()
      const known = cache.get(address.text, time)
      const remembered = known && answerFor(known, incoming, time)
      if (known && remembered) {
        count.cached++
        const cached = { age: time - known.at, left: known.until - time }
        return { ...explained(remembered, known.source), cached }
      }
      // One question at a time for each mailbox; others wait for the same answer.
      const shared = underWay.get(address.text)
      const result = await (shared ??
        underWay.begin(address.text, question(mailbox, incoming, count)))
      const answer = answerOf(result, incoming, now())
      if (answer === undefined) continue // it was asked for another size
      if (shared) count.shared++
      const told = explained(answer, result.source)
      return result.unplaced ? { ...told, isNobodys: true } : told
    }
  }

  async function question(
    mailbox: Mailbox,
    incoming: number,
    count: Counters,
  ): Promise<QuestionResult> {
    let backend: Awaited<ReturnType<BackendOf>>
    try {
      const found = backendOf(mailbox.address)
      backend = found instanceof Promise ? await answerInTime(found, settings.timeout) : found
    } catch (error) {
      return cannotTell(`whose mailbox it is: ${errorText(error)}`)
    }
    if (backend === undefined) {
      return { ...cannotTell('no backend is known to have it'), unplaced: true }
    }
    if (backend === 'no-such-user') {
      const outcome: ServiceReply = { kind: 'answered', answer: { answer: backend } }
      return take(outcome, mailbox, { incoming: undefined, source: 'LDAP' })
    }
    const source = backend.text
    const asking = backends.ask(backend, { name: mailbox.name, incoming })
    if (asking === undefined) {
      count.skipped++
      return cannotTell(`${source} does not answer`, source)
    }
    count.asked++
    const told = takesSize(backend) ? incoming : undefined
    const result = asking.outcome.then((outcome) =>
      take(outcome, mailbox, { incoming: told, source }),
    )
    return asking.isProbe ? cannotTell(`${source} does not answer`, source) : result
  }

  function take(
    outcome: ServiceReply,
    { address }: Mailbox,
    about: Pick<CachedAnswer, 'incoming' | 'source'>,
  ): QuestionResult {
    const { source } = about
    if (outcome.kind === 'failed') return { outcome, known: undefined, source }
    const known = remember(outcome.answer, { ...about, at: now() }, settings.soft)
    if (known.until > known.at) cache.set(address.text, known)
    return { outcome, known, source }
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

/** Undefined where the answer is one to another question. */
function answerOf(
  { outcome, known }: QuestionResult,
  incoming: number,
  now: number,
): QuotaAnswer | undefined {
  if (known !== undefined) return answerFor(known, incoming, now)
  return outcome.kind === 'failed' ? { answer: 'unknown', why: outcome.why } : outcome.answer
}

function cannotTell(why: string, source?: string): QuestionResult {
  const outcome: ServiceReply = { kind: 'answered', answer: { answer: 'unknown', why } }
  return { outcome, known: undefined, source }
}

function unanswered(why: string): Explained {
  return explained({ answer: 'unknown', why }, undefined)
}

function explained(answer: QuotaAnswer, source: string | undefined): Explained {
  return { answer, isNobodys: answer.answer === 'no-such-user', source, cached: undefined }
}

function kindOf({ answer }: QuotaAnswer): 'room' | 'full' | 'noSuchUser' | 'couldNotTell' {
  if (answer === 'no-such-user') return 'noSuchUser'
  return answer === 'unknown' ? 'couldNotTell' : answer
}
