import { createServer } from 'node:net'
import { errorText } from '../../ground/errors/fault.ts'
import { createSemaphore } from '../../ground/flow/concurrency-limit.ts'
import { keepFor } from '../../ground/flow/keep-for.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { MailReporter } from '../../observe/live/mail-reporter.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Door } from '../shared/door.ts'
import { ConnectionSet } from '../shared/limits/connection-set.ts'
import { createBudget } from '../shared/limits/memory-budget.ts'
import { takeTurn } from '../shared/limits/turn.ts'
import { bounceUserOf } from '../shared/slot-client.ts'
import { createClientPolicies } from './client-policy.ts'
import { GoCold } from './go-cold.ts'
import { answerRequest, isTrialOfCheck, type RequestContext } from './judge.ts'
import type { IdentifyPeer, Peer } from './peer.ts'
import type { Request } from './request.ts'
import { type SlotServer, SlotSession } from './session.ts'
import { withheldFrame } from './withheld.ts'

export interface SlotSocketOptions {
  /** Bytes of a message. */
  readonly maxSize: number
  /**
   * The most messages that are judged at once, and the most connections that have asked nothing
   * yet.
   */
  readonly maxClients: number
  /** Bytes of all requests that are not answered yet. */
  readonly memory: number
  /** Takes files that clients hand over; undefined if this runtime cannot. */
  readonly passing: PassedDescriptors | undefined
  readonly identifyPeer: IdentifyPeer
  /** Takes what is to be shown by --http. */
  readonly reporter?: MailReporter | undefined
  readonly log: (line: string) => void
}

/** Milliseconds between checks of what is due: an acknowledgement is, within a second. */
const TICK = 300
/** Bytes that a conversation takes besides its request. They bound how many clients may wait. */
const SESSION_BYTES = 16 * 1024

/** Milliseconds before the user of BOUNCEUSER is looked up again. */
const BOUNCE_USER_FOR = 1000

/** What is known about one request. */
type AboutRequest = Pick<RequestContext, 'gone' | 'elapsed' | 'peer' | 'waited'>

/** Makes the slot's door, which speaks the protocol of doc/design.md with clients. */
export function createSlotSocket(first: Configuration, options: SlotSocketOptions): Door {
  const { maxClients, maxSize, log, identifyPeer, passing } = options
  const sessions = new ConnectionSet<SlotSession>({
    every: TICK,
    tick: (session) => session.tick(),
  })
  /** The conversations whose head has not come whole, in the order of arrival. */
  const waiting = new Set<SlotSession>()
  const turns = createSemaphore(maxClients)
  const budget = createBudget(options.memory, (why) => new GoCold(why))
  let judge = judgeBy(first) // a message stays with the one that it began with
  let { verdicts } = first.tools

  const pauseOnConnect = passing !== undefined
  const server = createServer({ allowHalfOpen: true, pauseOnConnect }, (socket) => {
    makeRoom()
    const slotServer: SlotServer = {
      maxSize,
      passing,
      lease: budget.open(),
      uptime: () => performance.now(),
      admit() {
        waiting.delete(session)
        slotServer.lease.charge(SESSION_BYTES)
      },
      answer: (request, gone, elapsed) =>
        answerInTurn(identifyPeer(socket), request, gone, elapsed),
      withheld: () => withheldFrame(verdicts?.withheld()),
      left() {
        waiting.delete(session)
        sessions.delete(session)
      },
      cold(way, variables) {
        if (!isTrialOfCheck(variables)) options.reporter?.cold(way)
      },
      log,
    }
    const session = new SlotSession(socket, slotServer)
    sessions.add(session)
    waiting.add(session)
  })
  server.on('error', (error) => log(`slot socket: ${error.message}`))

  /**
   * Waits until fewer than `maxClients` messages are being judged, and answers in the time that is
   * left.
   */
  async function answerInTurn(
    peer: Peer | undefined,
    request: Request,
    gone: AbortSignal,
    elapsed: () => number,
  ): Promise<Buffer> {
    const arrived = performance.now()
    const done = await takeTurn(turns, maxClients, gone, request.timeLeft).catch((error) => {
      throw new GoCold(errorText(error))
    })
    const waited = performance.now() - arrived
    try {
      return await judge(request, { gone, elapsed, peer, waited })
    } finally {
      done()
    }
  }

  /**
   * Ends the oldest conversation that has asked nothing, if there are too many: they must not keep
   * others out.
   */
  function makeRoom(): void {
    if (waiting.size < maxClients) return
    const [oldest] = waiting
    waiting.delete(oldest!)
    oldest!.dismiss('too many connections')
  }

  function judgeBy(configuration: Configuration) {
    const policyFor = createClientPolicies(configuration)
    const { reporter } = options
    const bounceUser = keepFor(
      BOUNCE_USER_FOR,
      () => performance.now(),
      () => bounceUserOf(configuration.env),
    )
    return (request: Request, about: AboutRequest) =>
      answerRequest(request, { ...about, configuration, policyFor, passing, reporter, bounceUser })
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
