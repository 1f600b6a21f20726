import type { Socket } from 'node:net'
import { errorText } from '../../ground/errors/fault.ts'
import { type ConnectionHost, DoorConnection } from '../shared/connection.ts'
import { type AccessPolicy, answerRequest } from './access-answer.ts'
import { AttributeReader, type Attributes } from './attributes.ts'

/** What the door gives to the connection of a client. */
export interface PolicyHost extends ConnectionHost {
  /** Returns the policy of this moment. */
  policy(): AccessPolicy
  /** Logs trouble with the client. */
  log(line: string): void
}

/** The connection of a client: answers its requests, one after the other. */
export class PolicyConnection extends DoorConnection {
  readonly #host: PolicyHost
  readonly #reader = new AttributeReader()
  #isEnding = false

  constructor(socket: Socket, host: PolicyHost) {
    super(socket, host)
    this.#host = host
  }

  /** When the client was answered last, or came; undefined while it waits for an answer. */
  get idleSince(): number | undefined {
    return this.isBusy || this.hasLeft ? undefined : this.saidAt
  }

  finish(): void {
    this.#isEnding = true
    if (!this.isBusy) this.leave()
  }

  dismiss(): void {
    this.leave()
    this.socket.destroy()
  }

  protected hear(chunk: Buffer): void {
    try {
      const requests = this.#reader.push(chunk)
      if (requests.length > 0) void this.#answer(requests)
    } catch (error) {
      this.#giveUp(error)
    }
  }

  /** A client that has said all may still wait for its answers. */
  protected heardEnd(): void {
    this.finish()
  }

  protected due(): void {} // Postfix keeps its connections open

  protected free(): void {}

  async #answer(requests: readonly Attributes[]): Promise<void> {
    this.socket.pause() // nothing more is asked until these are answered
    try {
      await this.work(async () => {
        for (const request of requests) {
          if (this.socket.destroyed) return // nobody waits for the others
          this.send(await answerRequest(request, this.#host.policy()))
        }
      })
    } catch (error) {
      this.#giveUp(error)
    }
    this.socket.resume()
    if (this.#isEnding) this.leave()
  }

  #giveUp(error: unknown): void {
    this.#host.log(`policy service: ${errorText(error)}; closed the connection`)
    this.leave()
  }
}
