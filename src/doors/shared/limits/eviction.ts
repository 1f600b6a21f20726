/** Milliseconds of silence after which a connection is closed if another one needs its room. */
export const AMID_PACKET = 1_000 // an MTA has it whole before it begins
export const AMID_MESSAGE = 60_000
/** RFC 5321 4.5.3.2: as long as an SMTP client may think, and no longer. */
export const THINKING = 300_000

/** The state of a connection, by which the one is chosen that is closed to make room. */
export interface ConnectionState {
  /** Whether it has said which protocol it speaks. */
  readonly negotiated: boolean
  /** Whether its message is being judged, or a question about it is under way. */
  readonly busy: boolean
  readonly amidPacket: boolean
  readonly amidMessage: boolean
  readonly amidContent: boolean
  /** When it said something for the last time; at first, when it came. */
  readonly heard: number
}

/** A connection that may be closed to make room. */
export interface Candidate extends ConnectionState {
  /** The MTA's address; on a socket with a path all have the same. */
  readonly peer: string
  /** Whether memory is charged to it. */
  readonly holdsMemory: boolean
}

/**
 * The connection that is closed so that one more of `peer` may come, or undefined if none is.
 * First the oldest that has not negotiated (`present` is in the order of their coming). Else,
 * of those between messages, the one that is silent for longest, if its peer has more
 * connections than the new one's, or if it has been silent for too long.
 */
export function goesForConnection<One extends Candidate>(
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
      (connection) => counts.get(connection.peer)! > own || now - connection.heard > THINKING,
    ),
  )
}

/** The connection that is closed to free memory: one that holds some and is silent. */
export function goesForMemory<One extends Candidate>(
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
