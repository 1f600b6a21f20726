import type { Socket } from 'node:net'
import { SmtpConnection } from './client.ts'
import { timedOut } from './own-replies.ts'
import type { SmtpServer } from './server.ts'
import { SmtpSession } from './session.ts'
import { isOverdue, type SmtpTimeouts } from './time-limits.ts'
import type { RawReply } from './wire/replies.ts'

/** A client's connection and session, as the door sees them. */
export class ServedClient {
  readonly #socket: Socket
  readonly #client: SmtpConnection
  readonly #session: SmtpSession
  #hungUpAt: number | undefined

  constructor(socket: Socket, server: SmtpServer) {
    this.#socket = socket
    this.#client = new SmtpConnection(socket, server.uptime)
    this.#session = new SmtpSession(server, this.#client, socket.remoteAddress)
  }

  /** Serves the client; resolves when its session is over and its socket is closed. */
  async run(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#socket.on('close', () => resolve()))
    await Promise.all([this.#session.run(), closed])
  }

  /** When the client was last heard, on the clock of the server. */
  get heardAt(): number {
    return this.#client.activity.heardAt
  }

  /** Whether the session waits for the client's next command between messages. */
  get isIdle(): boolean {
    return !this.#session.amidMessage && this.#client.activity.awaited
  }

  /** Whether the session waits for the client's next command: between messages, or before DATA. */
  get makesRoom(): boolean {
    const { awaited, reading } = this.#client.activity
    return awaited && reading?.what !== 'content'
  }

  /** Sends a last reply and hangs up. */
  dismiss(lastReply: RawReply): void {
    this.#client.say(lastReply)
    this.#client.leave()
  }

  /** Closes the socket as soon as everything is written, whatever the client does. */
  destroySoon(): void {
    this.#socket.destroySoon()
  }

  /** Ends what takes too long; called every second or so. */
  tick(time: number, timeouts: SmtpTimeouts): void {
    if (this.#client.gone.aborted) {
      this.#hungUpAt ??= time
      if (time - this.#hungUpAt > timeouts.leaving) this.#socket.destroy()
    } else if (isOverdue(this.#client.activity, time, timeouts)) {
      this.dismiss(timedOut)
    }
  }
}
