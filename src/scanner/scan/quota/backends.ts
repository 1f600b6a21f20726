import type { Agent } from 'node:http'
import { errorText } from '../../../base/errors/fault.ts'
import { BackOff } from '../../../base/flow/back-off.ts'
import { onceAMinute } from '../../../base/log/line-format.ts'
import type { QuotaAnswer } from '../../../base/protocol/quota/quota-answer.ts'
import { formatDuration } from '../../../base/text/units.ts'
import type { AskTimes, QuotaQuestion, UdpClient } from './ask-by-udp.ts'
import { noAnswer } from './quota-lookup.ts'
import type { Backend } from './quota-settings.ts'

interface BackendsOptions {
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  readonly log: (line: string) => void
  readonly counters: QuestionCounters
}

/** Upper limit for different lines of a minute about answers that cannot be used. */
const BROKEN_LINES_MAX = 10

/**
 * Queries backends, each with its protocol. Failures are counted and logged, and a backend that fails is backed
 * off.
 */
export class Backends {
  readonly #times: AskTimes
  readonly #options: BackendsOptions
  readonly #failing: FailingBackends
  /** A backend that replies is asked about each recipient, and may answer each wrongly. */
  readonly #logBroken: (line: string) => void
  #agent: Agent | undefined
  #udp: UdpClient | undefined

  constructor(times: AskTimes, options: BackendsOptions) {
    this.#times = times
    this.#options = options
    this.#failing = new FailingBackends(options.uptime)
    this.#logBroken = onceAMinute(options.log, BROKEN_LINES_MAX)
  }

  /**
   * Sends a query. Returns undefined if the backend is backed off after a failure. If `isProbe`, the query only
   * finds out whether the backend answers again, and no mail should wait for its reply. `reply` never rejects.
   */
  ask(
    backend: Backend,
    question: QuotaQuestion,
  ): { readonly reply: Promise<QuotaAnswer>; readonly isProbe: boolean } | undefined {
    const state = this.#failing.state(backend.text)
    if (state === 'backed off') return undefined
    return { reply: this.#consult(backend, question), isProbe: state === 'probe' }
  }

  /** Keeps no idle connections from now on. Queries under way still get their answers. */
  close(): void {
    if (this.#agent === undefined) return
    this.#agent.maxFreeSockets = 0
    for (const idle of Object.values(this.#agent.freeSockets).flat()) idle?.destroy()
  }

  async #consult(backend: Backend, question: QuotaQuestion): Promise<QuotaAnswer> {
    const { text } = backend
    const { counters, log } = this.#options
    const answer = await this.#overTheNetwork(backend, question)
    const failure = answer.status === 'unknown' ? answer.failure : undefined
    const isUp = failure?.isBackendUp ?? true
    if (isUp && this.#failing.answered(text)) log(`quota: ${text} answers again`)
    if (answer.status !== 'unknown' || !failure) return answer
    counters[failure.counted]++
    const failed = `quota: ${text}: ${answer.reason}`
    const pause = isUp ? undefined : this.#failing.failed(text)
    if (isUp) this.#logBroken(`${failed}; the recipient is accepted`)
    if (pause)
      log(
        `${failed}; recipients are accepted, and the service is tried again after ${formatDuration(pause)}`,
      )
    return answer
  }

  async #overTheNetwork(backend: Backend, question: QuotaQuestion): Promise<QuotaAnswer> {
    try {
      // Each client is loaded with the first request: for a program that judges one message, loading code
      // takes time.
      if (backend.kind === 'udp') {
        const udp = await import('./ask-by-udp.ts')
        this.#udp ??= new udp.UdpClient()
        return await this.#udp.ask(backend, question, this.#times)
      }
      const { askByHttp, createAgent } = await import('./ask-by-http.ts')
      this.#agent ??= createAgent()
      return await askByHttp(backend, question, this.#times, this.#agent)
    } catch (error) {
      return noAnswer(errorText(error))
    }
  }
}

/** Milliseconds for which a backend that failed is not used. */
const NOT_ASKED_FOR = { first: 1_000, longest: 30_000 }

/**
 * Notes which backends fail, so that no mail waits for them (circuit breakers). `uptime` is milliseconds on a
 * monotonic clock.
 */
class FailingBackends {
  readonly #backOff: BackOff<string>
  readonly #probed = new Set<string>()

  constructor(uptime: () => number) {
    this.#backOff = new BackOff(uptime, NOT_ASKED_FOR)
  }

  /**
   * `answers`: the backend may be used. `backed off`: it must not be used. `probe`: it was backed off long
   * enough, and the caller must send it one request, for which no mail waits.
   */
  state(backend: string): 'answers' | 'backed off' | 'probe' {
    if (!this.#backOff.hasFailed(backend)) return 'answers'
    if (this.#probed.has(backend) || this.#backOff.isBackedOff(backend)) return 'backed off'
    this.#probed.add(backend)
    return 'probe'
  }

  /**
   * Notes a failure. Returns for how many milliseconds the backend is backed off from now on, or
   * undefined if it is already.
   */
  failed(backend: string): number | undefined {
    // Queries that were under way at the first failure may fail later. That is the same failure.
    if (this.#backOff.hasFailed(backend) && !this.#probed.delete(backend)) return undefined
    return this.#backOff.noteFailure(backend)
  }

  /** Notes an answer. Returns whether the backend had failed before. */
  answered(backend: string): boolean {
    this.#probed.delete(backend)
    return this.#backOff.noteAnswer(backend)
  }
}

/** The numbers of quota requests and of their answers, since the client was created. */
export class QuestionCounters {
  /** All requests of the doors. */
  questions = 0
  /** Queries to backends. */
  asked = 0
  /** Requests served by a cached answer. */
  cached = 0
  /** Queries that shared the answer of another query at the same time. */
  shared = 0
  /** Requests that were not sent, because their backend is backed off after a failure. */
  skipped = 0
  room = 0
  full = 0
  noSuchUser = 0
  /** Answers `unknown`, for any reason. */
  unknown = 0
  noAnswer = 0
  brokenAnswer = 0
}

/** Returns the counters as one line of `key=value`, with names as in the log: `no_such_user=3`. */
export function countersLine(counters: QuestionCounters): string {
  const pairs = Object.entries(counters).map(([name, count]) => {
    return `${name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}=${count}`
  })
  return `quota ${pairs.join(' ')}`
}
