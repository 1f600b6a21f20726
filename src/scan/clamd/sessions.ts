import { withDeadline } from '../../ground/flow/deadline.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ClamdAddress } from './address.ts'
import { type ClamdConnection, makeClamdConnection } from './clamd-connection.ts'
import type { ClamdOutcome, ClamdPacket, RawReplies } from './clamd-outcome.ts'
import { type Converse, type ConverseMany, converse } from './converse.ts'
import { createDescriptorTrial } from './descriptor-trial.ts'

/** Most idle connections to one server. Each costs clamd a descriptor, but no thread. */
export const IDLE_MAX = 8
/** Milliseconds for which an idle connection is kept, or up to twice that; clamd hangs up after 30 s. */
export const IDLE_FOR = 5_000
/** Milliseconds in which a server has to say whether it knows sessions. */
export const TOLD_WITHIN = 1_000
/** Milliseconds after which a server that knew no sessions is asked again. */
export const ASK_AGAIN_AFTER = 60_000

const GREETING = Buffer.from('zIDSESSION\0')
const PING = Buffer.from('zIDSESSION\0zPING\0')
const PONG = Buffer.from('1: PONG\0')

export interface Sessions {
  readonly converse: Converse
  readonly converseMany: ConverseMany
  /** Resolves to whether a file of so many bytes may be handed over by descriptor, in a session. */
  takesDescriptor(size: number, signal: AbortSignal): Promise<boolean>
  /** Ends idle connections at once, and the others when their conversations are over. */
  close(): void
}

/** A session (IDSESSION, clamd(8)): each reply bears the number of its command. */
interface ClamdSession {
  readonly connection: ClamdConnection
  /** Commands sent so far. */
  commands: number
  idleSince: number
}

/**
 * Opens conversations with one server over connections that last from message to message. Each
 * connection carries one conversation at a time.
 *
 * If clamd has closed a kept connection (its own time limits, a restart), that is no failure: as
 * long as no byte of a reply has come, the command is sent once more on a fresh connection. On a
 * fresh connection a command is sent only once, and never after the signal. A server that knows no
 * sessions gets a new connection for each command. `uptime` and `idleFor` are in milliseconds.
 */
export function openSessions(
  address: ClamdAddress,
  {
    uptime = () => performance.now(),
    idleFor = IDLE_FOR,
    passing,
  }: {
    readonly uptime?: () => number
    readonly idleFor?: number
    /** Passes descriptors to servers that take them; without it all mail is streamed. */
    readonly passing?: PassedDescriptors | undefined
  } = {},
): Sessions {
  /**
   * A session is in this list or in one conversation, never in both: it is taken out at once, and
   * put back after a whole reply. Bytes that come while it is in the list end it, and so does a
   * reply with another number than that of the command.
   */
  const idle: ClamdSession[] = []
  const descriptors = passing && createDescriptorTrial(address, passing, uptime)
  let closed = false
  let sweeper: NodeJS.Timeout | undefined
  /** Undefined until the server was asked. */
  let knowsSessions: boolean | undefined
  let askedAt = 0

  async function fresh(): Promise<ClamdSession> {
    return { connection: await makeClamdConnection(address, passing), commands: 0, idleSince: 0 }
  }

  /** Takes the session that was used last, so that the others become old enough to end. */
  function kept(): ClamdSession | undefined {
    for (let session = idle.pop(); session; session = idle.pop()) {
      if (session.connection.isOpen) return session
    }
    return undefined
  }

  function keep(session: ClamdSession): void {
    if (!session.connection.isOpen) return
    if (closed || idle.length >= IDLE_MAX) {
      session.connection.end()
      return
    }
    session.idleSince = uptime()
    idle.push(session)
    sweeper ??= setTimeout(sweep, idleFor).unref()
  }

  function sweep(): void {
    const old = uptime() - idleFor
    while (idle[0] && (idle[0].idleSince <= old || !idle[0].connection.isOpen))
      idle.shift()!.connection.end()
    sweeper = idle.length > 0 ? setTimeout(sweep, idleFor).unref() : undefined
  }

  /**
   * Asks the server whether it knows sessions. No message is sent yet, because the reply must not be
   * taken for the answer about one. Returns the session, undefined if the server knows none, or the
   * outcome if it cannot be reached.
   */
  async function ask(signal: AbortSignal): Promise<ClamdSession | ClamdOutcome<never> | undefined> {
    askedAt = uptime()
    knowsSessions = false // conversations that begin meanwhile have connections of their own
    const session = await fresh()
    const outcome = await withDeadline(TOLD_WITHIN, signal, (sooner) =>
      session.connection.exchange([PING].values(), sooner),
    )
    session.commands = 1
    knowsSessions = outcome.kind === 'answered' && outcome.answer.bytes.equals(PONG)
    if (knowsSessions) return session
    session.connection.end()
    if (outcome.kind !== 'unreachable' && !signal.aborted) return undefined
    knowsSessions = undefined
    return outcome.kind === 'answered' ? undefined : outcome
  }

  async function converseInSession(
    session: ClamdSession,
    packets: () => Iterator<ClamdPacket>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<RawReplies>> {
    const number = ++session.commands
    const outcome = await session.connection.exchange(
      number === 1 ? greeted(packets()) : packets(),
      signal,
    )
    if (outcome.kind !== 'answered') return outcome
    const { bytes, sentAll } = outcome.answer
    const start = Buffer.from(`${number}: `)
    if (!bytes.subarray(0, start.length).equals(start)) {
      session.connection.end()
      const why = 'answered something else than what it was asked'
      return { kind: 'broken', why, begun: false }
    }
    return { kind: 'answered', answer: { bytes: bytes.subarray(start.length), sentAll } }
  }

  /** Sends several commands at once. clamd's threads answer them in any order. */
  async function manyInSession(
    session: ClamdSession,
    packets: () => Iterator<ClamdPacket>,
    commands: number,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<readonly Buffer[]>> {
    const first = session.commands + 1
    session.commands += commands
    const outcome = await session.connection.exchange(
      first === 1 ? greeted(packets()) : packets(),
      signal,
      commands,
    )
    if (outcome.kind !== 'answered') return outcome
    const replies = byNumber(outcome.answer.bytes, first, commands)
    if (replies && outcome.answer.sentAll) return { kind: 'answered', answer: replies }
    session.connection.end()
    const why = 'answered something else than what it was asked'
    return { kind: 'broken', why, begun: false }
  }

  /** Has the exchange in a kept session, else in a fresh one. Undefined if the server knows no sessions. */
  async function inSession<Answer>(
    exchange: (session: ClamdSession) => Promise<ClamdOutcome<Answer>>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer> | undefined> {
    if (knowsSessions === false && uptime() - askedAt > ASK_AGAIN_AFTER) knowsSessions = undefined
    const old = kept() ?? (knowsSessions === undefined ? await ask(signal) : undefined)
    if (old && 'kind' in old) return old
    if (old) {
      const outcome = await exchange(old)
      keep(old)
      if (outcome.kind === 'broken') descriptors?.forget() // the server may have started anew
      if (outcome.kind !== 'broken' || outcome.begun) return outcome
    }
    if (!knowsSessions) return undefined
    const session = await fresh()
    const outcome = await exchange(session)
    keep(session)
    if (outcome.kind === 'broken') knowsSessions = undefined // another server may listen there now
    if (outcome.kind === 'broken' || outcome.kind === 'unreachable') descriptors?.forget()
    // The server did not close an idle connection: it has gone, and it had this message.
    if (outcome.kind === 'unreachable' && old) return { ...outcome, broke: true }
    return outcome
  }

  return {
    async converse(_, packets, signal) {
      const outcome = await inSession(
        (session) => converseInSession(session, packets, signal),
        signal,
      )
      return outcome ?? converse(address, packets, signal)
    },
    converseMany: (packets, commands, signal) =>
      inSession((session) => manyInSession(session, packets, commands, signal), signal),
    async takesDescriptor(size, signal) {
      if (descriptors === undefined) return false
      if (knowsSessions === undefined) {
        const session = await ask(signal)
        if (session && !('kind' in session)) keep(session)
      }
      return knowsSessions === true && descriptors.takes(size)
    },
    close() {
      closed = true
      descriptors?.close()
      clearTimeout(sweeper)
      for (const { connection } of idle.splice(0)) connection.end()
    },
  }
}

/** The packets of the first command on a connection, of which the first packet opens the session, too. */
function* greeted(packets: Iterator<ClamdPacket>): Generator<ClamdPacket> {
  try {
    let packet = packets.next()
    if (!packet.done) yield withGreeting(packet.value)
    for (packet = packets.next(); !packet.done; packet = packets.next()) yield packet.value
  } finally {
    packets.return?.()
  }
}

function withGreeting(packet: ClamdPacket): ClamdPacket {
  if (Buffer.isBuffer(packet)) return Buffer.concat([GREETING, packet])
  return { ...packet, bytes: Buffer.concat([GREETING, packet.bytes]) }
}

/**
 * Returns the replies in the order of their commands, each with its NUL and without its number.
 * Undefined unless there is exactly one reply for each of the `count` numbers from `first` on.
 */
function byNumber(bytes: Buffer, first: number, count: number): Buffer[] | undefined {
  const replies: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0, at) + 1
    if (end === 0) return undefined
    const [whole, digits] = /^([0-9]{1,10}): /.exec(bytes.toString('latin1', at, end)) ?? []
    const index = Number(digits) - first
    if (whole === undefined || index < 0 || index >= count || replies[index]) return undefined
    replies[index] = bytes.subarray(at + whole.length, end)
    at = end
  }
  return Object.keys(replies).length === count ? replies : undefined
}
