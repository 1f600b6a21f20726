/**
 * Milliseconds of silence after which a connection is closed if another one needs its room. Within
 * a packet they are few, because an MTA has a packet whole before it sends its first byte.
 */
export const AMID_PACKET = 1_000
export const AMID_MESSAGE = 60_000
/** The longest that an SMTP client may be silent, RFC 5321 4.5.3.2. */
export const BETWEEN_MESSAGES = 300_000

/** The state of a connection that decides whether it is closed to make room. */
export interface ConnectionState {
  /** Whether the client has said which protocol it speaks. */
  readonly negotiated: boolean
  /** Whether a message of the connection is being judged, or a question about it is under way. */
  readonly busy: boolean
  readonly amidPacket: boolean
  readonly amidMessage: boolean
  readonly amidContent: boolean
  /** When the client said something for the last time; at first, when it connected. */
  readonly heard: number
}

/** A connection that may be closed to make room. */
export interface Candidate extends ConnectionState {
  /** The MTA's address. On a socket with a path all connections have the same. */
  readonly peer: string
  /** Whether memory is charged to the connection. */
  readonly holdsMemory: boolean
}

/**
 * Returns the connection that is closed so that one more of `peer` may come; undefined if none is.
 * The first choice is the oldest connection that has not negotiated (`present` is in the order of
 * arrival). The second is, of the connections between messages, the one that has been silent for
 * longest, if its peer has more connections than `peer` will have, or if it has been silent for too
 * long.
 */
export function evictedForConnection<One extends Candidate>(
  present: Iterable<One>,
  peer: string,
  now: number,
): One | undefined {
  const all = [...present]
  const mute = all.find(({ negotiated }) => !negotiated)
  if (mute !== undefined) return mute
  const counts = new Map<string, number>()
  for (const connection of all) counts.set(connection.peer, (counts.get(connection.peer) ?? 0) + 1)
  const own = (counts.get(peer) ?? 0) + 1
  const idle = all.filter(({ busy, amidMessage }) => !busy && !amidMessage)
  return oldest(
    idle.filter(
      (connection) =>
        counts.get(connection.peer)! > own || now - connection.heard > BETWEEN_MESSAGES,
    ),
  )
}

/** Returns the connection that is closed to free memory: a silent one that holds some. */
export function evictedForMemory<One extends Candidate>(
  present: Iterable<One>,
  now: number,
): One | undefined {
  return oldest(
    [...present].filter(({ busy, holdsMemory, amidPacket, heard }) => {
      return !busy && holdsMemory && now - heard > (amidPacket ? AMID_PACKET : AMID_MESSAGE)
    }),
  )
}

function oldest<One extends Candidate>(some: readonly One[]): One | undefined {
  return some.reduce<One | undefined>(
    (found, candidate) =>
      found === undefined || candidate.heard < found.heard ? candidate : found,
    undefined,
  )
}
