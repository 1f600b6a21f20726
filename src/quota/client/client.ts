import { errorText } from '../../fault.ts'
import type { TimedLookup } from '../all-full.ts'
import type { QuotaAnswer } from '../answer.ts'
import type { QuotaSettings } from '../settings.ts'
import { takesSize } from './backend.ts'
import type { BackendOf } from './backend-map.ts'
import { createBackends } from './backends.ts'
import { answerFor, createQuotaCache, type Known, remember } from './cache.ts'
import { type Counters, createCounters } from './counters.ts'
import { findByExtension } from './extension.ts'
import { mailboxName, withPlainDomain } from './mailbox-name.ts'
import type { Outcome } from './reply.ts'
import { withinTime } from './within-time.ts'

/** One client for all doors of a process. */
export interface QuotaClient extends TimedLookup {
  /** The same, with where the answer comes from. Not counted. */
  explain(address: Buffer, incoming?: number): Promise<Explained>
  readonly counters: Readonly<Counters>
  /** Keeps no connections from now on; what is asked still gets its answer. */
  close(): void
  /**
   * Resolves when each datagram has its answer, or the time of its question is over. For a
   * process that ends: the port of one that is still to be answered would be free for others.
   */
  settled(): Promise<void>
}

export interface Explained {
  readonly answer: QuotaAnswer
  /** Latin1. What was found instead of the address, without its extension; undefined: the address. */
  readonly mailbox?: string | undefined
  /** Whether there is no such mailbox, as far as anybody knows. */
  readonly isNobodys: boolean
  /** The backend, as it was configured; undefined where none is known. */
  readonly source: string | undefined
  /** Milliseconds: how old a remembered answer is, and for how long it holds; undefined for a fresh one. */
  readonly cached: { readonly age: number; readonly left: number } | undefined
}

export interface World {
  readonly backendOf: BackendOf
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  /** When a backend fails, and when it answers again: a line of text. */
  readonly log: (line: string) => void
}

/** Whom a question is about. */
interface Mailbox {
  /** Latin1. Answers are kept by it: services of two domains may call two mailboxes `ann`. */
  readonly address: string
  /** What its service calls it. */
  readonly name: string
}

/** What a question came to, and who was asked. */
interface Said {
  readonly outcome: Outcome
  readonly known: Known | undefined
  readonly source: string | undefined
  /** Nobody is known who could be asked. */
  readonly unplaced?: true
}

/** Asks backends about mailboxes, as seldom as their fill allows and never twice at a time. */
export function createQuotaClient(settings: QuotaSettings, world: World): QuotaClient {
  const { now, backendOf } = world
  const cache = createQuotaCache(settings.cacheSize)
  const counters = createCounters()
  const backends = createBackends(settings, { ...world, counters })
  const underWay = new Map<string, Promise<Said>>()

  async function ask(address: Buffer, incoming = 0): Promise<QuotaAnswer> {
    counters.questions++
    const { answer } = await find(address, incoming, counters)
    counters[kindOf(answer)]++
    return answer
  }

  async function find(address: Buffer, incoming: number, count: Counters): Promise<Explained> {
    return findByExtension(address, settings.delimiters, (one) => findExactly(one, incoming, count))
  }

  async function findExactly(
    address: Buffer,
    incoming: number,
    count: Counters,
  ): Promise<Explained> {
    const name = mailboxName(address, settings.nameForm)
    if (name === undefined) return unanswered('is no name of a mailbox')
    const mailbox = { address: withPlainDomain(address.toString('latin1')), name }
    for (;;) {
      const time = now()
      const known = cache.get(mailbox.address, time)
      const remembered = known && answerFor(known, incoming, time)
      if (known && remembered) {
        count.cached++
        const cached = { age: time - known.at, left: known.until - time }
        return { ...explained(remembered, known.source), cached }
      }
      const shared = underWay.get(mailbox.address)
      const said = await (shared ?? begin(mailbox, incoming, count))
      const answer = answerOf(said, incoming, now())
      if (answer === undefined) continue // it was asked for another size
      if (shared) count.shared++
      const told = explained(answer, said.source)
      return said.unplaced ? { ...told, isNobodys: true } : told
    }
  }

  /** One question at a time for each mailbox; others wait for the same answer. */
  function begin(mailbox: Mailbox, incoming: number, count: Counters): Promise<Said> {
    const asking = question(mailbox, incoming, count)
    underWay.set(mailbox.address, asking)
    const over = () => underWay.delete(mailbox.address)
    asking.then(over, over)
    return asking
  }

  async function question(mailbox: Mailbox, incoming: number, count: Counters): Promise<Said> {
    let backend: Awaited<ReturnType<BackendOf>>
    try {
      const found = backendOf(mailbox.address)
      backend = found instanceof Promise ? await withinTime(found, settings.timeout) : found
    } catch (error) {
      return cannotTell(`whose mailbox it is: ${errorText(error)}`)
    }
    if (backend === undefined) {
      return { ...cannotTell('no backend is known to have it'), unplaced: true }
    }
    if (backend === 'no-such-user') {
      const outcome: Outcome = { kind: 'answered', answer: { answer: backend } }
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
    const said = asking.outcome.then((outcome) =>
      take(outcome, mailbox, { incoming: told, source }),
    )
    return asking.isProbe ? cannotTell(`${source} does not answer`, source) : said
  }

  function take(
    outcome: Outcome,
    { address }: Mailbox,
    about: Pick<Known, 'incoming' | 'source'>,
  ): Said {
    const { source } = about
    if (outcome.kind === 'failed') return { outcome, known: undefined, source }
    const known = remember(outcome.answer, { ...about, at: now() }, settings.soft)
    if (known.until > known.at) cache.set(address, known)
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
  { outcome, known }: Said,
  incoming: number,
  now: number,
): QuotaAnswer | undefined {
  if (known !== undefined) return answerFor(known, incoming, now)
  return outcome.kind === 'failed' ? { answer: 'unknown', why: outcome.why } : outcome.answer
}

function cannotTell(why: string, source?: string): Said {
  const outcome: Outcome = { kind: 'answered', answer: { answer: 'unknown', why } }
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
