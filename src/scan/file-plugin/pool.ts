import { unknown, type Verdict } from '../shared/scanner.ts'
import type { PluginHost, PluginQuestion } from './host-process.ts'
import type { HostStarter, PluginHosts } from './hosts.ts'
import { startWatchdog } from './watchdog.ts'

export interface PoolLimits {
  /** Processes at once; onescan-plugin(7) and onescand(8) have these numbers. */
  readonly most: number
  /** Messages, after which a process is renewed, for plugins that leak. */
  readonly messages: number
  /** Milliseconds without a message, after which a process ends. */
  readonly idle: number
  /** Milliseconds from its answer until a plugin must have nothing under way any more. */
  readonly settle: number
  /** Milliseconds of these for which a message waits instead of having another one started. */
  readonly timeout: number
}

export const standardLimits: PoolLimits = {
  most: 8,
  messages: 1000,
  idle: 60_000,
  settle: 250,
  timeout: 20,
}

/** Somebody who waits for a process. */
interface WaitingQuestion {
  /** For one that has judged nothing yet. */
  readonly fresh: boolean
  take(host: PluginHost): void
  fail(error: unknown): void
}

/**
 * Processes that are kept, each for one message after another. What one of them could not
 * tell counts only where it had judged nothing before: else what earlier messages left in
 * it may be the reason, and the message is asked about once more, in a fresh process and
 * within its deadline. Each that could not tell, or did not settle, is ended.
 */
export function openPool(
  { kept: start }: HostStarter,
  limits: PoolLimits = standardLimits,
): PluginHosts {
  // A process is idle, settling, or has one message: it is taken out of `idle` before it is
  // given away. Its answer bears the nonce of the question, so that none that comes late is
  // taken for another message's (reply-reader.ts).
  const hosts = new Set<PluginHost>()
  /** The one that was used last is the last, and is used first: the others can end. */
  const idle = new Map<PluginHost, NodeJS.Timeout>()
  const waiting: WaitingQuestion[] = []
  /** Those that have just answered; nearly always they are idle in no time. */
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

  /** Those who wait get what there is, in their order. */
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
          // An idle one makes room for a fresh one, and this is called when it has ended.
          if (kept.length > 0) void kept[0]!.end()
          return
        }
      } catch (error) {
        next.fail(error)
      }
      waiting.shift()
    }
  }

  /** Undefined if `signal` comes first. */
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

  /** Whether it is ready for another message in time. */
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
  ): Promise<{ readonly verdict: Verdict; readonly had: number }> {
    const host = await acquire(fresh, signal)
    if (host === undefined) {
      const why = `none of ${limits.most} processes was free within SCANTIMEOUT`
      return { verdict: unknown(why, 'timeout'), had: 0 }
    }
    const had = host.asked
    const verdict = await host.ask(compose(), signal) // it says how much time is left
    void release(host, hasAnswered(verdict) && !signal.aborted)
    return { verdict, had }
  }

  return {
    async ask(compose, signal) {
      const { verdict, had } = await askOne(false, compose, signal)
      if (hasAnswered(verdict) || had === 0 || signal.aborted) return verdict
      return (await askOne(true, compose, signal)).verdict
    },
    close() {
      closed = true
      for (const host of idle.keys()) void host.end()
    },
  }
}

/** What the plugin itself says, be it that it could not tell, is no sign of a process in disorder. */
function hasAnswered(verdict: Verdict): boolean {
  return verdict.answer !== 'unknown' || verdict.deliberate === true
}
