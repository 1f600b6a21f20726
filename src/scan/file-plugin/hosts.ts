import type { Verdict } from '../shared/scanner.ts'
import type { PluginHost, PluginQuestion } from './host-process.ts'

/** Where the processes come from that a plugin is asked in. */
export interface PluginHosts {
  /**
   * The verdict on one message. `compose` makes the question, another one each time it is
   * asked. Rejects if no process can be started; its message says why.
   */
  ask(compose: () => PluginQuestion, signal: AbortSignal): Promise<Verdict>
  /** Those that are at work finish; no other one stays. */
  close(): void
}

/** A plugin's processes: a limited one for a single message, or one that is kept. */
export interface HostStarter {
  once(): PluginHost
  kept(): PluginHost
}

/** A process for each message, of which nothing is left when the verdict is there. */
export function hostPerMessage({ once }: HostStarter): PluginHosts {
  return {
    async ask(compose, signal) {
      const host = once()
      const verdict = await host.ask(compose(), signal)
      await host.end()
      return verdict
    },
    close() {},
  }
}
