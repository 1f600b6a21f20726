import type { ScannerAnswer } from '../shared/scanner.ts'
import type { PluginHost, PluginQuestion } from './host-process.ts'

/** The processes that a plugin is asked in. */
export interface PluginHosts {
  /**
   * Resolves to the answer on one message. `compose` makes the question, with a new nonce each time it
   * is called. Rejects if no process can be started; the error says why.
   */
  ask(compose: () => PluginQuestion, signal: AbortSignal): Promise<ScannerAnswer>
  /** Ends all processes; those at work finish their message first. */
  close(): void
}

/** Starts processes for one plugin. */
export interface HostStarter {
  /** Starts a process for a single message. */
  once(): PluginHost
  /** Starts a process that is kept for many messages. */
  kept(): PluginHost
}

/** Starts a process for each message, of which nothing is left when the answer is there. */
export function hostPerMessage({ once }: HostStarter): PluginHosts {
  return {
    async ask(compose, signal) {
      const host = once()
      const answer = await host.ask(compose(), signal)
      await host.end()
      return answer
    },
    close() {},
  }
}
