import { Fault } from '../../../base/errors/fault.ts'
import { Semaphore } from '../../../base/flow/semaphore.ts'
import { ABORTED, unlessAborted, withDeadline } from '../../../base/flow/timeout.ts'
import { descriptorLimit } from '../../../base/process/descriptors.ts'
import { closeFile } from '../../../base/runtime/file-calls.ts'

/**
 * Limits how many files of clients are opened, read and closed at once. A file may be on a file system that never
 * answers (FUSE). A thread that looks it up, reads it or closes it then blocks indefinitely, and the runtime has
 * few threads.
 */

/** Milliseconds for a file to be read. */
const READ_TIMEOUT = 30_000
/** Users whose files are read at a time. */
const USERS_MAX = 2
/**
 * Upper limit for blocked operations, one for each user. Together with the limit for active users it leaves
 * some threads free for all other work.
 */
const STUCK_MAX = 10
/**
 * Upper limits for the descriptors that this process holds for a user: a number, and a share of all that it may
 * have.
 */
const HELD_MAX = 128
const HELD_PART = 1 / 16

/** The operations of a user that are under way. */
interface ClientUser {
  readonly permit: Semaphore
  /** Callers that have the permit or wait for it. */
  callers: number
  /** Descriptors that are not closed. */
  held: number
  /** Called once, when one of them is closed. */
  readonly waiting: Set<() => void>
}

const users = new Map<number, ClientUser>()
const ofAll = new Semaphore(USERS_MAX)
let stuck = 0
let heldMax: number | undefined

/**
 * Runs an operation on the files of a user, one at a time for each user. Rejects with a Fault if it takes too
 * long, or when the signal is aborted. `discard` receives a later result.
 */
export async function withPermitOf<Value>(
  uid: number,
  gone: AbortSignal,
  work: () => Promise<Value>,
  discard: (late: Value) => void = () => {},
): Promise<Value> {
  return withDeadline(READ_TIMEOUT, gone, async (signal) => {
    const permit = await takePermit(uid, signal)
    if (permit === undefined)
      throw new Fault('read', 'other files of this user are being read, and take too long')
    const working = work()
    const result = await releaseAfter(permit, working, signal)
    if (result !== ABORTED) return result
    working.then(discard, () => {})
    throw new Fault('read', 'the file could not be read in time')
  })
}

/**
 * Closes a descriptor with a permit of its user, because the user's file system takes part in that, too
 * (close(2), FUSE).
 */
export async function closeWithPermit(uid: number, descriptor: number): Promise<void> {
  const permit = await takePermit(uid)
  await releaseAfter(permit!, closeDescriptor(uid, descriptor), AbortSignal.timeout(READ_TIMEOUT))
}

/** Closes a descriptor that counts as the user's. Never rejects: nothing is written by such descriptors. */
export async function closeDescriptor(uid: number, descriptor: number): Promise<void> {
  await closeFile(descriptor).catch(() => {})
  const user = userOf(uid)
  user.held--
  const { waiting } = user
  forgetIdle(uid)
  for (const goOn of waiting) {
    waiting.delete(goOn)
    goOn()
  }
}

/** Counts descriptors that the user has sent, or that were opened for the user, until each is closed. */
export function tookDescriptors(uid: number, count: number): void {
  userOf(uid).held += count
}

/** Returns whether no more descriptors of the user may be accepted. */
export function hasAllDescriptors(uid: number): boolean {
  heldMax ??= Math.min(HELD_MAX, Math.floor(descriptorLimit() * HELD_PART))
  return (users.get(uid)?.held ?? 0) >= heldMax
}

/** Calls back once, when the next descriptor of the user is closed. */
export function whenReleased(uid: number, goOn: () => void): void {
  userOf(uid).waiting.add(goOn)
}

interface FilePermit {
  /** Releases it for other users alone: this user gets no other one. */
  letOthers(): void
  end(): void
}

/** Resolves to a permit of the user, or to undefined if the signal is aborted first. */
async function takePermit(uid: number, signal?: AbortSignal): Promise<FilePermit | undefined> {
  const user = userOf(uid)
  user.callers++
  const ofUser = await user.permit.acquire(signal)
  const letOthers = await ofAll.acquire(signal)
  const end = () => {
    ofUser?.()
    letOthers?.()
    user.callers--
    forgetIdle(uid)
  }
  if (ofUser !== undefined && letOthers !== undefined) return { letOthers, end }
  end()
  return undefined
}

/**
 * Releases a permit when its work has ended. At the signal it is ABORTED, and others get permits, unless too many wait
 * for work of theirs that may never end.
 */
async function releaseAfter<Value>(
  permit: FilePermit,
  working: Promise<Value>,
  signal: AbortSignal,
) {
  let isStuck = false
  const ended = working.finally(() => {
    if (isStuck) stuck--
    permit.end()
  })
  const result = await unlessAborted(ended, signal)
  if (result !== ABORTED || stuck === STUCK_MAX) return result
  isStuck = true
  stuck++
  permit.letOthers()
  return result
}

function userOf(uid: number): ClientUser {
  const user = users.get(uid) ?? {
    permit: new Semaphore(1),
    callers: 0,
    held: 0,
    waiting: new Set<() => void>(),
  }
  users.set(uid, user)
  return user
}

function forgetIdle(uid: number): void {
  const user = users.get(uid)
  if (user?.callers === 0 && user.held === 0) users.delete(uid)
}
