import { type ScannerAnswer, unknown } from '../shared/scanner.ts'
import type { PluginHost, PluginQuestion } from './host-process.ts'
import type { HostStarter, PluginHosts } from './hosts.ts'
import { startWatchdog } from './watchdog.ts'

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

export const standardLimits: PoolLimits = {
  most: 8,
  messages: 1000,
  idle: 60_000,
  settle: 250,
  timeout: 20,
}

/** A question that waits for a process. */
interface WaitingQuestion {
  /** Whether it needs a process that has judged nothing yet. */
  readonly fresh: boolean
  take(host: PluginHost): void
  fail(error: unknown): void
}

/**
 * Keeps processes, each for one message after another. If a process that has judged other messages
 * could not tell, these may be the reason: so the message is asked about once more, in a fresh process
 * and within its deadline. A process that could not tell, or did not settle, is ended.
 */
export function openPool(
  { kept: start }: HostStarter,
  limits: PoolLimits = standardLimits,
): PluginHosts {
  // A process is idle, settling, or has one message: it leaves `idle` before it gets one. Its answer
  // bears the nonce of the question, so a late answer is never taken for another message's
  // (host-reply.ts).
  const hosts = new Set<PluginHost>()
  /** The process that was used last stands last and is used first, so that the others can end. */
  const idle = new Map<PluginHost, NodeJS.Timeout>()
  const waiting: WaitingQuestion[] = []
  /** Processes that have just answered; nearly always they are idle in no time. */
  const settling = new Set<PluginHost>()
  let closed = false

  function startHost(): PluginHost {
    const host = start()
    // Before the process gets a message, and so before it runs any code of the plugin.
    const watchdog = host.pid === undefined ? undefined : startWatchdog(host.pid)
    hosts.add(host)
    host.ended.then(() => {
      watchdog?.dismiss()
      hosts.delete(host)
      forget(host)
      serve()
    })
    return host
  }

  function forget(host: PluginHost): void {
    clearTimeout(idle.get(host))
    idle.delete(host)
  }

  /** Gives processes to the questions that wait, in their order. */
  function serve(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const kept = [...idle.keys()]
      try {
        if (!next.fresh && kept.length > 0) {
          forget(kept.at(-1)!)
          next.take(kept.at(-1)!)
        } else if (!next.fresh && waiting.length <= settling.size) {
          return
        } else if (hosts.size < limits.most) {
          next.take(startHost())
        } else {
          // An idle process makes room for a fresh one; `serve` is called again when it has ended.
          if (kept.length > 0) void kept[0]!.end()
          return
        }
      } catch (error) {
        next.fail(error)
      }
      waiting.shift()
    }
  }

  /** Resolves to a process for one question; undefined if `signal` comes first. */
  function acquire(fresh: boolean, signal: AbortSignal): Promise<PluginHost | undefined> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        waiting.splice(waiting.indexOf(entry), 1)
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
      if (fresh) waiting.unshift(entry)
      else waiting.push(entry)
      serve()
    })
  }

  async function release(host: PluginHost, keep: boolean): Promise<void> {
    if (keep && host.asked < limits.messages && (await settles(host)) && !closed) {
      const timer = setTimeout(() => void host.end(), limits.idle)
      timer.unref()
      idle.set(host, timer)
      serve()
    } else {
      await host.end()
      serve()
    }
  }

  /** Resolves to whether the process is ready for another message in time. */
  async function settles(host: PluginHost): Promise<boolean> {
    settling.add(host)
    const impatient = setTimeout(() => {
      settling.delete(host)
      serve()
    }, limits.timeout)
    const tooLate = setTimeout(() => void host.end(), limits.settle)
    const ready = await host.settled()
    clearTimeout(impatient)
    clearTimeout(tooLate)
    settling.delete(host)
    return ready
  }

  async function askOne(
    fresh: boolean,
    compose: () => PluginQuestion,
    signal: AbortSignal,
  ): Promise<{ readonly answer: ScannerAnswer; readonly had: number }> {
    const host = await acquire(fresh, signal)
    if (host === undefined) {
      const why = `none of ${limits.most} processes was free within SCANTIMEOUT`
      return { answer: unknown(why, 'timeout'), had: 0 }
    }
    const had = host.asked
    const answer = await host.ask(compose(), signal) // composed now, because it says how much time is left
    void release(host, hasAnswered(answer) && !signal.aborted)
    return { answer, had }
  }

  return {
    async ask(compose, signal) {
      const { answer, had } = await askOne(false, compose, signal)
      if (hasAnswered(answer) || had === 0 || signal.aborted) return answer
      return (await askOne(true, compose, signal)).answer
    },
    close() {
      closed = true
      for (const host of idle.keys()) void host.end()
    },
  }
}

/** Whether the plugin itself gave the answer, even *could not tell*: then its process is in order. */
function hasAnswered(answer: ScannerAnswer): boolean {
  return answer.answer !== 'unknown' || answer.deliberate === true
}
