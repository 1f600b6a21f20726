import { readUptime } from '../../../../base/flow/uptime.ts'
import type { System } from '../../../../base/runtime/system.ts'
import type { ClamdAddress } from './clamd-address.ts'
import {
  type ClamdCommands,
  type ClamdOutcome,
  type ClamdPacket,
  type ClamdReplies,
  ClamdSession,
} from './session.ts'

/** Sends a request about the server itself. The answer is the reply without its NUL, as in clamd(8) ("PONG"). */
export async function askClamd(
  address: ClamdAddress,
  command: 'PING' | 'VERSION',
  signal: AbortSignal,
): Promise<ClamdOutcome<string>> {
  return new ClamdSessions(address).ask(serverCommand(command), signal)
}

/** A request about the server itself, for askClamd() or a session. */
export function serverCommand(command: 'PING' | 'VERSION'): ClamdCommands<string> {
  const packets = () => [Buffer.from(`z${command}\0`)]
  const read = ({ replies: [reply] }: ClamdReplies) => reply!.toString('latin1').replace(/\0$/, '')
  return { count: 1, packets, read }
}

/** Upper limit for the idle connections to one server. Each costs clamd a descriptor, but no thread. */
export const IDLE_MAX = 8
/** Milliseconds for which an idle connection is kept, or up to twice that. clamd closes it after 30 s. */
const IDLE_FOR = 5_000

interface ClamdSessionsOptions {
  /** Upper limit for idle connections; default: none. */
  readonly idleMax?: number
  /** Milliseconds for which an idle one is kept. */
  readonly idleFor?: number
  /** Passes descriptors; needed for packets with one. */
  readonly passing?: System | undefined
  /** Called when a session broke or could not be made: another server may listen there from now on. */
  readonly onBreak?: () => void
}

/**
 * Sessions with one server, each with one conversation at a time, which are kept from message to message.
 *
 * If clamd has closed a kept connection (by its own time limits, or a restart), that is not a failure. If no
 * byte of a reply has arrived, the commands are sent once more on a new connection. On a new connection
 * commands are sent only once, and never after the signal is aborted.
 *
 * clamd ends a session in which no command comes within its ReadTimeout, even during a scan. After END it does
 * not, so a slow scan is begun again on a connection for these commands alone.
 */
export class ClamdSessions {
  readonly #address: ClamdAddress
  readonly #idleMax: number
  readonly #idleFor: number
  readonly #passing: System | undefined
  readonly #onBreak: () => void
  /**
   * A session is in this list or in one conversation, never in both: it is removed at once, and put back
   * after complete replies. Bytes that arrive while it is in the list end it, and so does a reply with
   * another number than that of the command.
   */
  readonly #idle: { readonly session: ClamdSession; readonly since: number }[] = []
  #isClosed = false
  #sweeper: NodeJS.Timeout | undefined

  constructor(
    address: ClamdAddress,
    { idleMax = 0, idleFor = IDLE_FOR, passing, onBreak = () => {} }: ClamdSessionsOptions = {},
  ) {
    this.#address = address
    this.#idleMax = idleMax
    this.#idleFor = idleFor
    this.#passing = passing
    this.#onBreak = onBreak
  }

  /** Uses an idle session, or else a new one. */
  async ask<Answer>(
    commands: ClamdCommands<Answer>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer>> {
    const outcome = await this.#askInAny(commands, signal)
    if (outcome.kind !== 'broken' || !outcome.isCommandTimeout) return outcome
    const session = new ClamdSession(this.#address, { passing: this.#passing })
    const last = { ...commands, packets: () => withEnd(commands.packets()) }
    return session.ask(last, signal).finally(() => session.end())
  }

  async #askInAny<Answer>(
    commands: ClamdCommands<Answer>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer>> {
    const idle = this.#takeIdle()
    if (idle !== undefined) {
      const outcome = await this.#askIn(idle, commands, signal)
      if (outcome.kind !== 'broken' || outcome.hasBegun) return outcome
    }
    const fresh = new ClamdSession(this.#address, { passing: this.#passing })
    const outcome = await this.#askIn(fresh, commands, signal)
    // The server did not close an idle connection: it has gone, and it had this message. If systemd keeps
    // its socket, a connection to it waits until it is back.
    const isGone = outcome.kind === 'unreachable' || outcome.kind === 'timed-out'
    return isGone && idle ? { ...outcome, broke: { peer: idle.peer } } : outcome
  }

  /** Ends idle connections at once, and the others when their conversations are over. */
  close(): void {
    this.#isClosed = true
    clearTimeout(this.#sweeper)
    for (const { session } of this.#idle.splice(0)) session.end()
  }

  async #askIn<Answer>(
    session: ClamdSession,
    commands: ClamdCommands<Answer>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer>> {
    const outcome = await session.ask(commands, signal)
    this.#putBack(session)
    if (outcome.kind === 'broken' || outcome.kind === 'unreachable') this.#onBreak()
    return outcome
  }

  /** Takes the session that was used last, so that the others become old enough to end. */
  #takeIdle(): ClamdSession | undefined {
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) {
      if (idle.session.isOpen) return idle.session
      this.#onBreak()
    }
    return undefined
  }

  #putBack(session: ClamdSession): void {
    if (!session.isOpen) return
    if (this.#isClosed || this.#idle.length >= this.#idleMax) {
      session.end()
      return
    }
    this.#idle.push({ session, since: readUptime() })
    this.#sweeper ??= setTimeout(() => this.#sweep(), this.#idleFor).unref()
  }

  #sweep(): void {
    const old = readUptime() - this.#idleFor
    while (this.#idle[0] && (this.#idle[0].since <= old || !this.#idle[0].session.isOpen)) {
      const { session } = this.#idle.shift()!
      if (!session.isOpen) this.#onBreak()
      session.end()
    }
    const isAny = this.#idle.length > 0
    this.#sweeper = isAny ? setTimeout(() => this.#sweep(), this.#idleFor).unref() : undefined
  }
}

function* withEnd(packets: Iterable<ClamdPacket>): Generator<ClamdPacket> {
  yield* packets
  yield Buffer.from('zEND\0')
}
