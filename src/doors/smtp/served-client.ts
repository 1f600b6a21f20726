import type { Socket } from 'node:net'
import type { ConnectionHost } from '../shared/connection.ts'
import { SmtpConnection } from './client.ts'
import { stopping, timedOut } from './own-replies.ts'
import type { SmtpServer } from './server.ts'
import { SmtpSession } from './session.ts'
import { isOverdue, type SmtpTimeouts } from './time-limits.ts'
import type { RawReply } from './wire/replies.ts'

/** What the door gives to each of its clients. */
export interface SmtpHost extends Omit<ConnectionHost, 'leaving'> {
  readonly server: SmtpServer
  readonly timeouts: SmtpTimeouts
}

/** A client's connection and session, as the door sees them. */
export class ServedClient extends SmtpConnection {
  readonly #timeouts: SmtpTimeouts
  readonly #session: SmtpSession

  /** Serves the client; nothing is left to do when its session is over and its socket is closed. */
  constructor(socket: Socket, host: SmtpHost) {
    super(socket, { ...host, leaving: host.timeouts.leaving })
    this.#timeouts = host.timeouts
    this.#session = new SmtpSession(host.server, this, socket.remoteAddress)
    void this.work(() => this.#session.run())
  }

  /** When the client was last heard, if the session waits for its next command; before DATA, too. */
  get silentSince(): number | undefined {
    const { heardAt, awaited, reading } = this.activity
    return awaited && reading?.what !== 'content' ? heardAt : undefined
  }

  /** Sends a last reply and hangs up. */
  turnAway(lastReply: RawReply): void {
    this.say(lastReply)
    this.leave()
  }

  finish(): void {
    if (!this.#session.amidMessage && this.activity.awaited) this.turnAway(stopping)
  }

  /** Closes the socket as soon as everything is written, whatever the client does. */
  dismiss(): void {
    this.turnAway(stopping)
    this.socket.destroySoon()
  }

  /** Ends what takes too long. */
  protected due(time: number): void {
    if (isOverdue(this.activity, time, this.#timeouts)) this.turnAway(timedOut)
  }

  protected free(): void {} // the session frees what it holds
}
