import type { Agent } from 'node:http'
import { errorText } from '../../ground/errors/fault.ts'
import type { Backend } from './backend.ts'
import { createCircuits } from './circuit.ts'
import type { QuestionCounters } from './counters.ts'
import { type Failure, isFailure, noAnswer, type ServiceReply } from './service-reply.ts'
import type { AskTimes, QuotaQuestion, UdpClient } from './udp.ts'

/** The lines to all backends. */
export interface Backends {
  /**
   * Asks. Undefined if the backend is known not to answer. If `isProbe`, the question finds out
   * whether it answers again, and no mail should wait for it. `reply` never rejects.
   */
  ask(
    backend: Backend,
    question: QuotaQuestion,
  ): { readonly reply: Promise<ServiceReply>; readonly isProbe: boolean } | undefined
  /** Keeps no connections from now on; questions that were asked still get their answers. */
  close(): void
  /** Resolves when each datagram has its answer, or the time of its question is over. */
  settled(): Promise<void>
}

interface BackendsOptions {
  /** Milliseconds on a clock that never goes back. */
  readonly now: () => number
  readonly log: (line: string) => void
  readonly counters: QuestionCounters
}

/** Counts and logs failures, and does not ask backends for a while that do not answer. */
export function createBackends(times: AskTimes, options: BackendsOptions): Backends {
  const { log, counters } = options
  const circuits = createCircuits(options.now)
  let agent: Agent | undefined
  let udp: UdpClient | undefined

  async function consult(backend: Backend, question: QuotaQuestion): Promise<ServiceReply> {
    const reply = await overTheNetwork(backend, question)
    if (!isFailure(reply) || reply.backendIsUp) {
      if (circuits.answered(backend.text)) log(`quota: ${backend.text} answers again`)
    }
    if (isFailure(reply)) complain(backend, reply)
    return reply
  }

  async function overTheNetwork(backend: Backend, question: QuotaQuestion): Promise<ServiceReply> {
    try {
      // Each is loaded when it is wanted: a program that is started for one message pays for what
      // it loads.
      if (backend.kind === 'udp') {
        const { createUdpClient } = await import('./udp.ts')
        udp ??= createUdpClient(options.now)
        return await udp.ask(backend, question, times)
      }
      const { askByHttp, createAgent } = await import('./http.ts')
      agent ??= createAgent()
      return await askByHttp(backend, question, times, agent)
    } catch (error) {
      return noAnswer(errorText(error))
    }
  }

  function complain({ text }: Backend, { trouble, why, backendIsUp }: Failure): void {
    counters[trouble === 'no-answer' ? 'noAnswer' : 'brokenAnswer']++
    const failed = `quota: ${text}: ${why}`
    const rest = backendIsUp ? undefined : circuits.failed(text)
    if (backendIsUp) log(`${failed}; the recipient passes`)
    if (rest) log(`${failed}; recipients pass, and it is tried again after ${rest / 1000} s`)
  }

  return {
    ask(backend, question) {
      const state = circuits.state(backend.text)
      if (state === 'open') return undefined
      return { reply: consult(backend, question), isProbe: state === 'probe' }
    },
    close() {
      if (agent === undefined) return
      agent.maxFreeSockets = 0
      for (const idle of Object.values(agent.freeSockets).flat()) idle?.destroy()
    },
    settled: async () => udp?.settled(),
  }
}
