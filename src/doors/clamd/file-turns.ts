import { close } from 'node:fs'
import { promisify } from 'node:util'
import { Fault } from '../../lib/errors/fault.ts'
import { Semaphore } from '../../lib/flow/semaphore.ts'
import { ABORTED, unlessAborted } from '../../lib/flow/timeout.ts'

/**
 * Turns for the files of clients. A file may lie in a file system that never answers (FUSE): then whoever
 * looks it up, reads it or closes it waits for ever, and with it one of the runtime's few threads.
 */

/** Milliseconds for a file to be read. */
const READ_WITHIN = 30_000
/**
 * Threads for calls of the file system, as UV_THREADPOOL_SIZE: libuv's pool in Node, and the pool of the
 * compiled runtime, which src/c/launcher/launch.c tells it.
 */
export const DAEMON_THREADS = 24
/** Users whose files are read at a time. */
const USERS_AT_ONCE = 2
/** Work that outlasts its time, one of a user; with the users at a time it leaves some threads to all else. */
const STUCK_MAX = 10
/** Descriptors of a user that wait to be closed; no more are taken then. */
const UNCLOSED_MAX = 128

/** What a user has under way. */
interface ClientUser {
  readonly turn: Semaphore
  /** Callers that have the turn or wait for it. */
  callers: number
  unclosed: number
}

const users = new Map<number, ClientUser>()
const ofAll = new Semaphore(USERS_AT_ONCE)
let stuck = 0

/**
 * Does something with the files of a user, one thing at a time for each. Rejects with a Fault if it takes too
 * long, or at the signal. `discard` gets what comes later.
 */
export async function inTurnOf<Value>(
  uid: number,
  gone: AbortSignal,
  work: () => Promise<Value>,
  discard: (late: Value) => void = () => {},
): Promise<Value> {
  const signal = AbortSignal.any([gone, AbortSignal.timeout(READ_WITHIN)])
  const turn = await takeTurn(uid, signal)
  if (turn === undefined)
    throw new Fault('read', 'other files of this user are being read, and take too long')
  const working = work()
  const result = await endTurn(turn, working, signal)
  if (result !== ABORTED) return result
  working.then(discard, () => {})
  throw new Fault('read', 'the file could not be read in time')
}

/** Closes a descriptor in a turn of its user, whose file system is asked about that, too (close(2), FUSE). */
export async function closeInTurn(uid: number, descriptor: number): Promise<void> {
  const user = userOf(uid)
  user.unclosed++
  const turn = await takeTurn(uid)
  const closing = closeDescriptor(descriptor).finally(() => user.unclosed--)
  await endTurn(turn!, closing, AbortSignal.timeout(READ_WITHIN))
}

/** Whether so many descriptors of a user wait to be closed that no more may be taken. */
export function hasTooManyUnclosed(uid: number): boolean {
  return (users.get(uid)?.unclosed ?? 0) >= UNCLOSED_MAX
}

/** Never rejects: nothing is written by descriptors of others. */
export const closeDescriptor = (descriptor: number) => promisify(close)(descriptor).catch(() => {})

interface FileTurn {
  /** Ends it for the others alone: the user keeps it. */
  letOthers(): void
  end(): void
}

/** Resolves to a turn of the user; to undefined if the signal comes first. */
async function takeTurn(uid: number, signal?: AbortSignal): Promise<FileTurn | undefined> {
  const user = userOf(uid)
  user.callers++
  const ofUser = await user.turn.acquire(signal)
  const letOthers = await ofAll.acquire(signal)
  const end = () => {
    ofUser?.()
    letOthers?.()
    if (--user.callers === 0) users.delete(uid)
  }
  if (ofUser !== undefined && letOthers !== undefined) return { letOthers, end }
  end()
  return undefined
}

/**
 * Ends a turn with its work. At the signal it is ABORTED, and others have their turns, unless too many wait
 * for work of theirs that may never end.
 */
async function endTurn<Value>(turn: FileTurn, working: Promise<Value>, signal: AbortSignal) {
  let isStuck = false
  const ended = working.finally(() => {
    if (isStuck) stuck--
    turn.end()
  })
  const result = await unlessAborted(ended, signal)
  if (result !== ABORTED || stuck === STUCK_MAX) return result
  isStuck = true
  stuck++
  turn.letOthers()
  return result
}

function userOf(uid: number): ClientUser {
  const user = users.get(uid) ?? { turn: new Semaphore(1), callers: 0, unclosed: 0 }
  users.set(uid, user)
  return user
}
