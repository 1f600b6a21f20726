import type { Agent } from 'node:http'
import { errorText } from '../../ground/errors/fault.ts'
import type { Backend } from './backend.ts'
import { createCircuits } from './circuit.ts'
import type { QuestionCounters } from './counters.ts'
import { type Failure, isFailure, noAnswer, type ServiceReply } from './service-reply.ts'
import type { AskTimes, QuotaQuestion, UdpClient } from './udp.ts'

/** Asks backends, each by its protocol. */
export interface Backends {
  /**
   * Asks a question. Returns undefined if the backend rests after a failure. If `isProbe`, the
   * question only finds out whether the backend answers again, and no mail should wait for its
   * reply. `reply` never rejects.
   */
  ask(
    backend: Backend,
    question: QuotaQuestion,
  ): { readonly reply: Promise<ServiceReply>; readonly isProbe: boolean } | undefined
  /** Keeps no idle connections from now on. Questions under way still get their answers. */
  close(): void
  /** Resolves when each datagram has its answer, or the time of its question is over. */
  settled(): Promise<void>
}

interface BackendsOptions {
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
  readonly log: (line: string) => void
  readonly counters: QuestionCounters
}

/** Makes the clients of all protocols. Failures are counted and logged, and let a backend rest. */
export function createBackends(times: AskTimes, options: BackendsOptions): Backends {
  const { log, counters } = options
  const circuits = createCircuits(options.uptime)
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
      // Each client is loaded with the first question: for a program that judges one message,
      // loading code takes time.
      if (backend.kind === 'udp') {
        const { UdpClient } = await import('./udp.ts')
        udp ??= new UdpClient(options.uptime)
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
