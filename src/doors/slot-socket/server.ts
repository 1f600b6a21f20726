import type { Socket } from 'node:net'
import { keepFor } from '../../ground/flow/cache.ts'
import type { MemoryLease } from '../../ground/flow/memory-budget.ts'
import { Semaphore } from '../../ground/flow/semaphore.ts'
import { Intake } from '../../mail/message/intake.ts'
import type { ColdWay, MailReporter } from '../observe/live/process-report.ts'
import type { Configuration } from '../shared/configuration.ts'
import { takeTurn } from '../shared/limits/turn.ts'
import { bounceUserOf } from '../shared/slot-client.ts'
import { ClientSites } from './client-site.ts'
import { answerRequest, isTrialOfCheck, type RequestContext } from './judge.ts'
import type { IdentifyPeer } from './peer.ts'
import type { Request } from './request.ts'
import { type DaemonAccount, toldFrame } from './tell.ts'

export interface SlotSocketOptions {
  /** Bytes of a message. */
  readonly maxSize: number
  /**
   * The most messages that are judged at once, and the most connections that have asked nothing
   * yet.
   */
  readonly maxClients: number
  /** Connections at once, those that end included. Any more are closed. */
  readonly maxSockets?: number | undefined
  /** Bytes of all requests that are not answered yet. */
  readonly memory: number
  readonly identifyPeer: IdentifyPeer
  /** How this onescand runs. */
  readonly account?: ((wantsTrial: boolean) => Promise<DaemonAccount>) | undefined
  /** Takes what is to be shown by --http. */
  readonly reporter?: MailReporter | undefined
  readonly log: (line: string) => void
}

/** Milliseconds before the user of BOUNCEUSER is looked up again. */
const BOUNCE_USER_FOR = 1000

/** What all conversations of the slot's door share. */
export class SlotServer {
  readonly maxSize: number
  readonly log: (line: string) => void
  readonly #options: SlotSocketOptions
  readonly #turns: Semaphore
  #judging: Pick<RequestContext, 'configuration' | 'clientSites' | 'bounceUser'>

  constructor(first: Configuration, options: SlotSocketOptions) {
    this.#options = options
    this.maxSize = options.maxSize
    this.log = options.log
    this.#turns = new Semaphore(options.maxClients)
    this.#judging = judgingBy(first)
  }

  /** Sets what requests that come from now on are judged by. */
  configure(configuration: Configuration): void {
    this.#judging = judgingBy(configuration)
  }

  /** Returns what keeps a message while it comes. Memory is charged to the lease. */
  openIntake(lease: MemoryLease): Intake {
    return new Intake(this.#judging.configuration.messageOptions, lease)
  }

  /**
   * Waits until fewer than `maxClients` messages are being judged, and answers in the time that is
   * left.
   */
  async answer(
    socket: Socket,
    request: Request,
    gone: AbortSignal,
    elapsed: () => number,
  ): Promise<Buffer> {
    const { identifyPeer, maxClients, reporter } = this.#options
    const peer = identifyPeer(socket)
    const arrived = performance.now()
    const done = await takeTurn(this.#turns, maxClients, gone, request.timeLeft)
    const waited = performance.now() - arrived
    const judging = this.#judging // a message stays with the one that it began with
    try {
      const about = { gone, elapsed, peer, waited, reporter }
      return await answerRequest(request, { ...judging, ...about })
    } finally {
      done()
    }
  }

  /**
   * The answer to a question about onescand. Only root and onescand's own account learn how it runs, if
   * the kernel tells who asks.
   */
  async told(socket: Socket, wantsTrial: boolean): Promise<Buffer> {
    const { identifyPeer, account } = this.#options
    const uid = identifyPeer(socket)?.uid
    const isOwn = uid === 0 || uid === process.geteuid!()
    return toldFrame(isOwn ? await account?.(wantsTrial) : undefined)
  }

  /** The client gets no answer to its request, of which these variables have come. */
  cold(way: ColdWay, variables: Request['variables']): void {
    if (!isTrialOfCheck(variables)) this.#options.reporter?.cold(way)
  }
}

function judgingBy(configuration: Configuration) {
  const bounceUser = keepFor(
    BOUNCE_USER_FOR,
    () => performance.now(),
    () => bounceUserOf(configuration.env),
  )
  return { configuration, clientSites: new ClientSites(configuration), bounceUser }
}
