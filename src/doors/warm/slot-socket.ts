import { createServer } from 'node:net'
import { errorText } from '../../ground/errors/fault.ts'
import { createSemaphore } from '../../ground/flow/concurrency-limit.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { ConnectionSet } from '../shared/limits/connection-set.ts'
import { createBudget } from '../shared/limits/memory-budget.ts'
import { takeTurn } from '../shared/limits/turn.ts'
import { createClientPolicies } from './client-policy.ts'
import { GoCold } from './go-cold.ts'
import { answerRequest, isTrialOfCheck } from './judge.ts'
import type { IdentifyPeer, Peer } from './peer.ts'
import { type SlotServer, SlotSession } from './session.ts'
import { withheldFrame } from './withheld.ts'

export interface SlotSocketOptions {
  /** Bytes of a message. */
  readonly maxSize: number
  /** Messages judged at once, others wait; and connections that have asked nothing yet. */
  readonly maxClients: number
  /** Bytes of all that clients have sent and that was not answered yet. */
  readonly memory: number
  /** For messages that clients hand over, where this runtime has a way to take them. */
  readonly passing: PassedDescriptors | undefined
  readonly identifyPeer: IdentifyPeer
  /** Who shows what is done with mail. */
  readonly reporter?: MailReporter | undefined
  readonly log: (line: string) => void
}

/** Milliseconds between looks at what is due: an acknowledgement is, within a second. */
const TICK = 300
/** Bytes that a conversation takes besides what is sent; they bound how many may wait. */
const SESSION_BYTES = 16 * 1024

/** The slot's door: conversations of doc/slot-protocol.md on whatever the server listens on. */
export function createSlotSocket(first: Configuration, options: SlotSocketOptions): Door {
  const { maxClients, maxSize, log, identifyPeer, passing } = options
  const sessions = new ConnectionSet<SlotSession>({
    every: TICK,
    look: (session) => session.tick(),
  })
  /** In the order of their coming; without those that have sent a whole head. */
  const waiting = new Set<SlotSession>()
  const turns = createSemaphore(maxClients)
  const budget = createBudget(options.memory, (why) => new GoCold(why))
  let judge = judgeBy(first) // a message keeps the one that it was given to
  let { verdicts } = first.tools

  const pauseOnConnect = passing !== undefined
  const server = createServer({ allowHalfOpen: true, pauseOnConnect }, (socket) => {
    makeRoom()
    const slotServer: SlotServer = {
      maxSize,
      passing,
      lease: budget.open(),
      now: () => performance.now(),
      admit() {
        waiting.delete(session)
        slotServer.lease.charge(SESSION_BYTES)
      },
      async answer(request, gone, elapsed) {
        const arrived = performance.now()
        const over = await takeTurn(turns, maxClients, gone, request.timeLeft).catch((error) => {
          throw new GoCold(errorText(error))
        })
        const timeLeft = request.timeLeft - (performance.now() - arrived)
        try {
          return await judge(identifyPeer(socket))({ ...request, timeLeft }, gone, elapsed)
        } finally {
          over()
        }
      },
      withheld: () => withheldFrame(verdicts?.withheld()),
      left() {
        waiting.delete(session)
        sessions.delete(session)
      },
      cold(way, { variables, envelope }) {
        if (!isTrialOfCheck(variables)) options.reporter?.cold(way, envelope)
      },
      log,
    }
    const session = new SlotSession(socket, slotServer)
    sessions.add(session)
    waiting.add(session)
  })
  server.on('error', (error) => log(`slot socket: ${error.message}`))

  /** Clients that say nothing must not keep out others: the one that has waited longest goes. */
  function makeRoom(): void {
    if (waiting.size < maxClients) return
    const [oldest] = waiting
    waiting.delete(oldest!)
    oldest!.dismiss('too many connections')
  }

  function judgeBy(configuration: Configuration): (peer: Peer | undefined) => SlotServer['answer'] {
    const policyFor = createClientPolicies(configuration)
    const { reporter } = options
    return (peer) => (request, gone, elapsed) =>
      answerRequest(request, {
        configuration,
        policyFor,
        passing,
        gone,
        elapsed,
        peer,
        reporter,
      })
  }

  return {
    server,
    state: () => ({ clients: sessions.size, memory: budget.used }),
    configure(configuration) {
      judge = judgeBy(configuration)
      verdicts = configuration.tools.verdicts
    },
    close(grace) {
      server.close()
      const dismiss = (session: SlotSession) => session.dismiss('onescand is going down')
      for (const session of waiting) dismiss(session)
      return sessions.drain(grace, dismiss)
    },
  }
}
