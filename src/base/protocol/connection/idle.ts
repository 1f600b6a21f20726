import type { Socket } from 'node:net'
import { hasUnread } from '../../process/descriptors.ts'

/** Milliseconds of silence after which a connection may be closed for another one. */
export const IDLE_AFTER = 100

/** The open connections of a server, or some of them, each with its socket. */
type Entries<Served> = Iterable<readonly [Served, Socket]>

/**
 * Returns the connection that has been idle longest, since before `time`, if there is one. One with unread
 * data is returned only if all have some: a client that talks without progress must not keep its place indefinitely.
 */
export function longestIdle<Served extends Idle>(
  connections: Entries<Served>,
  time = Number.POSITIVE_INFINITY,
): Served | undefined {
  const idle = idleFirst(connections, time)
  return (idle.find(isSilent) ?? idle[0])?.[0]
}

/** Returns the connection without unread data that has been idle longest, since before `time`, if there is one. */
export function longestSilent<Served extends Idle>(
  connections: Entries<Served>,
  time = Number.POSITIVE_INFINITY,
): Served | undefined {
  return idleFirst(connections, time).find(isSilent)?.[0]
}

interface Idle {
  /** Undefined for a client that waits for an answer, or has received its last one. */
  readonly idleSince: number | undefined
}

function idleFirst<Served extends Idle>(connections: Entries<Served>, time: number) {
  const since = ([{ idleSince = time }]: readonly [Served, Socket]) => idleSince
  const idle = [...connections].filter((entry) => since(entry) < time)
  return idle.sort((one, other) => since(one) - since(other))
}

function isSilent([, socket]: readonly [unknown, Socket]): boolean {
  return !hasUnread(socket)
}
