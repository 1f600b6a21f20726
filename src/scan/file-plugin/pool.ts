import { type ScannerAnswer, type ScanTask, unknown } from '../shared/scanner.ts'
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
  /** Milliseconds of these for which a message waits for the process instead of starting another one. */
  readonly timeout: number
}

/** Of a daemon. */
export const standardLimits: PoolLimits = {
  most: 8,
  messages: 1000,
  idle: 60_000,
  settle: 250,
  timeout: 20,
}

/** Of a program that judges one message: each process is asked once. */
export const oneMessageEach: PoolLimits = { ...standardLimits, messages: 1 }

/** A question that waits for a process. */
interface WaitingQuestion {
  /** Whether it needs a process that has judged nothing yet. */
  readonly fresh: boolean
  take(host: PluginHost): void
  fail(error: unknown): void
}

/** A message that was asked about, and the number of messages that its process had before. */
interface PluginAsked {
  readonly answer: ScannerAnswer
  readonly had: number
}

/**
 * The processes that a plugin is asked in, each about one message after another. If a process that has
 * judged other messages could not tell, these may be the reason: so the message is asked about once more,
 * in a fresh process and within its deadline. A process that could not tell, or did not settle, is ended.
 */
export class PluginPool {
  readonly #start: () => PluginHost
  readonly #limits: PoolLimits
  // A process is idle, settling, or has one message: it leaves `#idle` before it gets one. Its answer
  // bears the nonce of the question, so a late answer is never taken for another message's
  // (protocol.ts).
  readonly #hosts = new Set<PluginHost>()
  /** The process that was used last stands last and is used first, so that the others can end. */
  readonly #idle = new Map<PluginHost, NodeJS.Timeout>()
  readonly #waiting: WaitingQuestion[] = []
  /** Processes that have just answered; nearly always they are idle in no time. */
  readonly #settling = new Set<PluginHost>()
  #isClosed = false

  /** `start` starts a process, and throws if it cannot. */
  constructor(start: () => PluginHost, limits: PoolLimits = standardLimits) {
    this.#start = start
    this.#limits = limits
  }

  /**
   * Resolves to the answer on one message. Rejects if no process can be started; the error says why.
   * Nothing is left of a process that had its last message when the answer is there.
   */
  async ask(question: PluginQuestion, task: ScanTask): Promise<ScannerAnswer> {
    const { answer, had } = await this.#askOne(false, question, task)
    if (hasAnswered(answer) || had === 0 || task.signal.aborted) return answer
    return (await this.#askOne(true, question, task)).answer
  }

  /** Ends all processes; those at work finish their message first. */
  close(): void {
    this.#isClosed = true
    for (const host of this.#idle.keys()) void host.end()
  }

  async #askOne(fresh: boolean, question: PluginQuestion, task: ScanTask): Promise<PluginAsked> {
    const { signal } = task
    const host = await this.#acquire(fresh, signal)
    if (host === undefined) {
      const why = `none of ${this.#limits.most} processes was free within SCANTIMEOUT`
      return { answer: unknown(why, 'timeout'), had: 0 }
    }
    const had = host.asked
    const answer = await host.ask(question, task)
    const released = this.#release(host, hasAnswered(answer) && !signal.aborted)
    if (host.asked >= this.#limits.messages) await released
    return { answer, had }
  }

  /** Resolves to a process for one question; undefined if `signal` comes first. */
  #acquire(fresh: boolean, signal: AbortSignal): Promise<PluginHost | undefined> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(entry), 1)
        resolve(undefined)
      }
      const entry: WaitingQuestion = {
        fresh,
        take(host) {
          signal.removeEventListener('abort', leave)
          resolve(host)
        },
        fail(error) {
          signal.removeEventListener('abort', leave)
          reject(error)
        },
      }
      if (signal.aborted) return resolve(undefined)
      signal.addEventListener('abort', leave, { once: true })
      if (fresh) this.#waiting.unshift(entry)
      else this.#waiting.push(entry)
      this.#serve()
    })
  }

  /** Gives processes to the questions that wait, in their order. */
  #serve(): void {
    const waiting = this.#waiting
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const kept = [...this.#idle.keys()]
      try {
        if (!next.fresh && kept.length > 0) {
          this.#forget(kept.at(-1)!)
          next.take(kept.at(-1)!)
        } else if (!next.fresh && waiting.length <= this.#settling.size) {
          return
        } else if (this.#hosts.size < this.#limits.most) {
          next.take(this.#startHost())
        } else {
          // An idle process makes room for a fresh one; `#serve` is called again when it has ended.
          if (kept.length > 0) void kept[0]!.end()
          return
        }
      } catch (error) {
        next.fail(error)
      }
      waiting.shift()
    }
  }

  #startHost(): PluginHost {
    const host = this.#start()
    this.#hosts.add(host)
    host.ended.then(() => {
      this.#hosts.delete(host)
      this.#forget(host)
      this.#serve()
    })
    return host
  }

  #forget(host: PluginHost): void {
    clearTimeout(this.#idle.get(host))
    this.#idle.delete(host)
  }

  async #release(host: PluginHost, mayBeKept: boolean): Promise<void> {
    const isKept = mayBeKept && host.asked < this.#limits.messages
    if (isKept && (await this.#settles(host)) && !this.#isClosed) {
      const timer = setTimeout(() => void host.end(), this.#limits.idle)
      timer.unref()
      this.#idle.set(host, timer)
    } else await host.end()
    this.#serve()
  }

  /** Resolves to whether the process is ready for another message in time. */
  async #settles(host: PluginHost): Promise<boolean> {
    this.#settling.add(host)
    const impatient = setTimeout(() => {
      this.#settling.delete(host)
      this.#serve()
    }, this.#limits.timeout)
    const tooLate = setTimeout(() => void host.end(), this.#limits.settle)
    const ready = await host.settled()
    clearTimeout(impatient)
    clearTimeout(tooLate)
    this.#settling.delete(host)
    return ready
  }
}

/**
 * Whether the plugin itself gave the answer, even *could not tell*: then its process is in order, and
 * asked again it would say the same.
 */
function hasAnswered(answer: ScannerAnswer): boolean {
  return answer.answer !== 'unknown' || answer.cause === 'plugin'
}
