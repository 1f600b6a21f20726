import { withDeadline } from '../../ground/flow/deadline.ts'
import type { PassedDescriptors } from '../../ground/net/passed-descriptors.ts'
import type { ClamdAddress } from './address.ts'
import {
  type ClamdConnection,
  type ClamdOutcome,
  type ClamdPacket,
  makeClamdConnection,
  type RawReplies,
} from './clamd-connection.ts'
import { type Converse, type ConverseMany, converse } from './converse.ts'
import { createDescriptorTrial } from './descriptor-trial.ts'

/** Connections to one server that are kept while nobody asks. Each is a descriptor of clamd's, no thread. */
export const IDLE_MAX = 8
/** Milliseconds that they are kept, or up to twice that; clamd hangs up after 30 s. */
export const IDLE_FOR = 5_000
/** Milliseconds in which a server says whether it knows sessions. */
export const TOLD_WITHIN = 1_000
/** Milliseconds after which a server that knew none may know them. */
export const ASK_AGAIN_AFTER = 60_000

const GREETING = Buffer.from('zIDSESSION\0')
const PING = Buffer.from('zIDSESSION\0zPING\0')
const PONG = Buffer.from('1: PONG\0')

export interface Sessions {
  readonly converse: Converse
  readonly converseMany: ConverseMany
  /** Whether a file of so many bytes may be handed over by descriptor, in a session. */
  takesDescriptor(size: number, signal: AbortSignal): Promise<boolean>
  /** Ends what idles; what is in use ends when it is done. */
  close(): void
}

/** A session of clamd(8), IDSESSION: its replies bear the number of the command. */
interface ClamdSession {
  readonly connection: ClamdConnection
  /** Commands sent so far. */
  commands: number
  idleSince: number
}

/**
 * Conversations over connections to one server that last from message to message, one
 * command at a time on each.
 *
 * A kept connection that clamd gave up (its own time limits, a restart) is no failure:
 * where no byte of a reply to this command came, the command is sent once more, on a fresh
 * one. On a fresh connection a command is sent only once, and never after the signal. A server that knows no
 * sessions gets a connection for each command. `now` and `idleFor` in milliseconds.
 */
export function openSessions(
  address: ClamdAddress,
  {
    now = () => performance.now(),
    idleFor = IDLE_FOR,
    passing,
  }: {
    readonly now?: () => number
    readonly idleFor?: number
    /** For descriptors instead of streams, where the server takes them. */
    readonly passing?: PassedDescriptors | undefined
  } = {},
): Sessions {
  /**
   * A session is here or in one conversation, never in both: it is taken out at once, and put
   * back when its reply was whole. Bytes that come while it is here end it, and a reply of
   * another number than that of the command is none.
   */
  const idle: ClamdSession[] = []
  const descriptors = passing && createDescriptorTrial(address, passing, now)
  let closed = false
  let sweeper: NodeJS.Timeout | undefined
  /** Undefined until it was asked. */
  let knowsSessions: boolean | undefined
  let askedAt = 0

  async function fresh(): Promise<ClamdSession> {
    return { connection: await makeClamdConnection(address, passing), commands: 0, idleSince: 0 }
  }

  /** The one that was used last: others may become old enough to end. */
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
    session.idleSince = now()
    idle.push(session)
    sweeper ??= setTimeout(sweep, idleFor).unref()
  }

  function sweep(): void {
    const old = now() - idleFor
    while (idle[0] && (idle[0].idleSince <= old || !idle[0].connection.isOpen))
      idle.shift()!.connection.end()
    sweeper = idle.length > 0 ? setTimeout(sweep, idleFor).unref() : undefined
  }

  /**
   * Finds out whether the server knows sessions: without a message, for what it says to a
   * session must not be taken for a verdict. An outcome where there is no server.
   */
  async function ask(signal: AbortSignal): Promise<ClamdSession | ClamdOutcome<never> | undefined> {
    askedAt = now()
    knowsSessions = false // for those that come meanwhile
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

  /** Replies come in the order in which clamd's threads have them. */
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

  /** Undefined if the server knows no sessions. */
  async function inSession<Answer>(
    exchange: (session: ClamdSession) => Promise<ClamdOutcome<Answer>>,
    signal: AbortSignal,
  ): Promise<ClamdOutcome<Answer> | undefined> {
    if (knowsSessions === false && now() - askedAt > ASK_AGAIN_AFTER) knowsSessions = undefined
    const old = kept() ?? (knowsSessions === undefined ? await ask(signal) : undefined)
    if (old && 'kind' in old) return old
    if (old) {
      const outcome = await exchange(old)
      keep(old)
      if (outcome.kind === 'broken') descriptors?.forget() // it may have started anew
      if (outcome.kind !== 'broken' || outcome.begun) return outcome
    }
    if (!knowsSessions) return undefined
    const session = await fresh()
    const outcome = await exchange(session)
    keep(session)
    if (outcome.kind === 'broken') knowsSessions = undefined // who came back may be another
    if (outcome.kind === 'broken' || outcome.kind === 'unreachable') descriptors?.forget()
    // It did not give up a connection: it has gone, and this message was with it.
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

/** The first packet of a connection's first command opens the session, too. */
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

/** One reply for each number from `first` on, its NUL included, without the number. */
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
