import { Semaphore } from '../../../ground/flow/semaphore.ts'
import { type ScanFinding, unknown } from '../shared/finding.ts'
import type { ScanTask } from '../shared/scanner.ts'
import type { PluginHost, PluginQuestion } from './host-process.ts'

export interface PoolLimits {
  /** Most processes at a time; onescan-plugin(7) and onescand(8) have these numbers. */
  readonly most: number
  /** Messages after which a process is renewed, because plugins may leak. */
  readonly messages: number
  /** Milliseconds without a message after which a process ends. */
  readonly idle: number
  /** Milliseconds after its answer within which a plugin must have finished everything. */
  readonly settle: number
}

/** Of a daemon. */
export const standardLimits: PoolLimits = { most: 8, messages: 1000, idle: 60_000, settle: 250 }

/** Of a program that judges one message: each process is asked once. */
export const oneMessageEach: PoolLimits = { ...standardLimits, messages: 1 }

/**
 * The processes that a plugin is asked in, each about one message at a time. A process that could not
 * tell is ended. If it has judged other messages, these may be the reason: so the message is asked about
 * once more, in a fresh process and within its deadline.
 */
export class PluginPool {
  readonly #start: () => PluginHost
  readonly #limits: PoolLimits
  /** A permit is a process that has a message. No process is started while one is idle. */
  readonly #permits: Semaphore
  /** The process that was used last stands last and is used first, so that the others can end. */
  readonly #idle = new Map<PluginHost, NodeJS.Timeout>()
  #isClosed = false

  /** `start` starts a process, and throws if it cannot. */
  constructor(start: () => PluginHost, limits: PoolLimits = standardLimits) {
    this.#start = start
    this.#limits = limits
    this.#permits = new Semaphore(limits.most)
  }

  /**
   * Resolves to the answer on one message. Rejects if no process can be started; the error says why.
   * Nothing is left of a process that had its last message when the answer is there.
   */
  async ask(question: PluginQuestion, task: ScanTask): Promise<ScanFinding> {
    const release = await this.#permits.acquire(task.signal)
    if (release === undefined) {
      const why = `none of ${this.#limits.most} processes was free within SCANTIMEOUT`
      return unknown(why, 'timeout')
    }
    try {
      const idle = this.#takeIdle()
      const answer = await this.#askIn(idle ?? this.#start(), question, task)
      if (idle === undefined || hasAnswered(answer) || task.signal.aborted) return answer
      return await this.#askIn(this.#start(), question, task)
    } finally {
      release()
    }
  }

  /** Ends all processes; those at work finish their message first. */
  close(): void {
    this.#isClosed = true
    for (const host of this.#idle.keys()) this.#drop(host)
  }

  async #askIn(host: PluginHost, question: PluginQuestion, task: ScanTask): Promise<ScanFinding> {
    const answer = await host.ask(question, task)
    const isKept = hasAnswered(answer) && host.asked < this.#limits.messages && !this.#isClosed
    if (isKept) this.#keep(host)
    else await host.end()
    return answer
  }

  #keep(host: PluginHost): void {
    const timer = setTimeout(() => this.#drop(host), this.#limits.idle)
    timer.unref()
    this.#idle.set(host, timer)
    void host.ended.then(() => this.#forget(host))
  }

  #takeIdle(): PluginHost | undefined {
    const host = [...this.#idle.keys()].at(-1)
    if (host) this.#forget(host)
    return host
  }

  #drop(host: PluginHost): void {
    this.#forget(host)
    void host.end()
  }

  #forget(host: PluginHost): void {
    clearTimeout(this.#idle.get(host))
    this.#idle.delete(host)
  }
}

/**
 * Whether the plugin itself gave the answer, even *could not tell*: then its process is in order, and
 * asked again it would say the same.
 */
function hasAnswered(answer: ScanFinding): boolean {
  return answer.answer !== 'unknown' || answer.cause === 'plugin'
}
