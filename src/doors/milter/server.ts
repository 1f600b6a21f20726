import { Semaphore } from '../../ground/flow/semaphore.ts'
import type { Configuration } from '../shared/configuration.ts'
import { type Judging, startJudging } from '../shared/judging.ts'
import { takeTurn } from '../shared/limits/turn.ts'
import { type MailDoorOptions, MailServices } from '../shared/mail-door.ts'
import { MilterIntake } from './intake.ts'
import type { MilterTimeouts } from './time-limits.ts'

/** The options of the milter door, besides its configuration. */
export interface MilterOptions extends MailDoorOptions {
  /** Messages that are judged at once. Others wait, if there is memory for them. */
  readonly maxClients: number
  /**
   * Connections at once. If one more comes, it is closed, and its MTA goes on as without a milter.
   */
  readonly maxConnections?: number
  readonly timeouts?: MilterTimeouts
}

/** The way in which a message is judged, and the intake of its parts until then. */
export type MessageReception =
  | Extract<Judging, { kind: 'pass' }>
  | (Extract<Judging, { kind: 'judge' }> & { readonly intake: MilterIntake })

/** The services that the door gives to a session and to each message in it. */
export class MilterServer extends MailServices {
  readonly #turns: Semaphore
  readonly #maxClients: number

  constructor(first: Configuration, options: MilterOptions) {
    super(first, options)
    this.#maxClients = options.maxClients
    this.#turns = new Semaphore(options.maxClients)
  }

  /**
   * Begins to receive the message that comes now, by the configuration of this moment. Throws as
   * MilterIntake does.
   */
  receive(): MessageReception {
    const judging = startJudging(this.configuration)
    if (judging.kind === 'pass') return judging
    return { ...judging, intake: new MilterIntake(judging.messageOptions, this.openLease()) }
  }

  /**
   * Waits until a whole message may be judged, and resolves to what must be called when that is
   * over. Rejects with a Fault of kind `out-of-memory` if that takes too long, or if the MTA has
   * left.
   */
  turn(gone: AbortSignal): Promise<() => void> {
    return takeTurn(this.#turns, this.#maxClients, gone)
  }
}
