import { randomBytes } from 'node:crypto'
import { constants, readFileSync } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { syncDirectoryAside } from '../../ground/path/directories.ts'
import { type PathHandle, procPathOf } from '../../ground/path/walk.ts'
import { writeWholeAside } from '../../ground/process/descriptors.ts'
import { isId } from './entries.ts'

/**
 * The clock by which messages in quarantine grow old. It goes on by the time that sweeps saw passing, so
 * that no step of the wall clock makes a message old. It begins at 0 with the first sweep.
 */
export interface SweepClock {
  /** What first-seen.ts writes is by the clock of this id alone. */
  readonly id: string
  readonly seconds: number
}

/** What the clock says at the beginning of a sweep. */
export interface SweepTurn {
  readonly clock: SweepClock
  /** Set if nothing may be removed in this sweep: why. */
  readonly stopped: string | undefined
  readonly warnings: readonly string[]
}

/** The wall clock, and a clock that nobody sets. */
export interface HostTime {
  /** The wall clock, milliseconds since 1970. */
  readonly now: number
  /** Names the start of the kernel: `uptime` is another clock after the next one. */
  readonly boot: string
  /** Milliseconds since that start; the time in which the host was suspended is in it. */
  readonly uptime: number
}

/** Reads the clocks of this host: random(4), proc_uptime(5). Throws the error of the system. */
export function readHostTime(now: number): HostTime {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  const [seconds] = readFileSync('/proc/uptime', 'latin1').split(' ')
  return { now, boot, uptime: Math.round(Number(seconds) * 1000) }
}

/** A file in the quarantine. Its name is not one of grounds. */
const FILE = 'sweep.clock'
/**
 * Milliseconds that count at most between two sweeps: if the kernel's clocks leap together, or the file
 * is an old one, that is all that messages grow older.
 */
export const COUNTED_MAX = 60 * 60 * 1000
/** Milliseconds by which the wall clock may go on faster or slower than that of the kernel. */
export const STEP_MAX = 5 * 60 * 1000
/** Starts of hosts that the file names: those that swept last. */
const BOOTS_MAX = 32
/** The file is far smaller. */
const FILE_MAX = 64 * 1024

/** The last sweep of a host since its last start. All are milliseconds. */
interface LastSweep {
  /** What the clock said. */
  readonly passed: number
  readonly now: number
  readonly uptime: number
}

/** What the file says. */
interface State {
  readonly id: string
  readonly passed: number
  readonly boots: Readonly<Record<string, LastSweep>>
}

/**
 * Lets the clock go on to this sweep. Time counts if the wall clock and the kernel's agree that it has
 * passed, since the last sweep by a host that was not started meanwhile. If the wall clock was set since
 * then, the sweep is stopped. If the file is missing or broken, another clock begins.
 */
export async function advanceClock(root: PathHandle, time: HostTime): Promise<SweepTurn> {
  const path = `${procPathOf(root)}/${FILE}`
  const warnings: string[] = []
  const state = await readState(path).catch((error): State => {
    if (errorCode(error) !== 'ENOENT') {
      warnings.push(`${FILE}: ${errorText(error)}: the age of all messages begins anew`)
    }
    return { id: randomBytes(8).toString('hex'), passed: 0, boots: {} }
  })
  const step = stepSince(state, time)
  const passed = passedSince(state, time)
  const { [time.boot]: _, ...others } = state.boots
  const own = { passed, now: time.now, uptime: time.uptime }
  const boots = { [time.boot]: own, ...latest(others) }
  try {
    await replaceFile(path, Buffer.from(`${JSON.stringify({ ...state, passed, boots })}\n`))
  } catch (error) {
    warnings.push(`${FILE} cannot be written, so no message grows older: ${errorText(error)}`)
  }
  return {
    clock: { id: state.id, seconds: Math.floor(passed / 1000) },
    stopped: Math.abs(step) <= STEP_MAX ? undefined : `${stepText(step)}: nothing is removed now`,
    warnings,
  }
}

/** Milliseconds of this clock. Hosts that share the quarantine see the same time: it does not add up. */
function passedSince({ passed, boots }: State, { now, boot, uptime }: HostTime): number {
  const last = boots[boot]
  if (last === undefined) return passed
  const elapsed = Math.min(now - last.now, uptime - last.uptime, COUNTED_MAX)
  return Math.max(passed, last.passed + Math.max(elapsed, 0))
}

/**
 * Milliseconds by which the wall clock was set since the last sweep. Of a host that was started meanwhile
 * nobody knows how long it was off: then only a clock that is behind its last sweep was set.
 */
function stepSince({ boots }: State, { now, boot, uptime }: HostTime): number {
  const last = boots[boot]
  if (last !== undefined) return now - last.now - (uptime - last.uptime)
  const latestOfAll = Math.max(...Object.values(boots).map((sweep) => sweep.now), 0)
  return Math.min(now - latestOfAll, 0)
}

function stepText(step: number): string {
  const hours = Math.abs(step) / 3_600_000
  const shown = hours < 48 ? `${hours.toFixed(1)} hours` : `${Math.round(hours / 24)} days`
  return `the clock was set ${step < 0 ? 'back' : 'forward'} by ${shown} since the last sweep`
}

/** The starts that swept last, with room for that of this sweep. */
function latest(boots: State['boots']): State['boots'] {
  const entries = Object.entries(boots).sort(([, one], [, other]) => other.passed - one.passed)
  return Object.fromEntries(entries.slice(0, BOOTS_MAX - 1))
}

async function readState(path: string): Promise<State> {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants
  const file = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(FILE_MAX), 0, FILE_MAX, 0)
    const state: unknown = JSON.parse(buffer.toString('utf8', 0, bytesRead))
    if (isState(state)) return state
    throw new Error('does not say what it should')
  } finally {
    await file.close()
  }
}

function isState(value: unknown): value is State {
  const { id, passed, boots } = (value ?? {}) as Record<string, unknown>
  return (
    typeof id === 'string' &&
    /^[0-9a-f]{16}$/.test(id) &&
    isTime(passed) &&
    typeof boots === 'object' &&
    boots !== null &&
    Object.values(boots).every(
      (sweep) => isTime(sweep?.passed) && isTime(sweep.now) && isTime(sweep.uptime),
    )
  )
}

const isTime = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

/**
 * Writes a file as a whole or not at all: a new file of mode 0600 beside it, `.new`, is written, synced and
 * renamed. After a crash or on a full disk the old file is still there. Rejects with the error of the system.
 */
async function replaceFile(path: string, bytes: Buffer): Promise<void> {
  const fresh = `${path}.new`
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
    const handle = await open(fresh, flags, 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, path)
  } catch (error) {
    await unlink(fresh).catch(() => {})
    throw error
  }
  await syncDirectoryAside(dirname(path))
}

/**
 * A file in the folder of a day: after a line with a clock and what it said, the ids of the messages that
 * a sweep saw then for the first time. Lines are only ever added.
 */
export const FIRST_SEEN = 'sweep.seen'
const HEAD = /^@([0-9a-f]{16}) ([0-9]{1,12})$/
const CHUNK = 256 * 1024

/**
 * Reads when messages were seen for the first time, in seconds of the clock, by id. Leaves out what
 * another clock said, or this one later than now: those messages are as good as new. So is all that
 * cannot be read.
 */
export async function readFirstSeen(
  folder: PathHandle,
  { id, seconds: now }: SweepClock,
): Promise<Map<string, number>> {
  const seen = new Map<string, number>()
  let seconds: number | undefined
  try {
    for await (const line of linesOf(await openIn(folder, constants.O_RDONLY))) {
      const [, clock, said] = HEAD.exec(line) ?? []
      if (clock !== undefined) {
        seconds = clock === id && Number(said) <= now ? Number(said) : undefined
      } else if (!isId(line)) {
        seconds = undefined // a power failure left half a line, and perhaps no head of those below
      } else if (seconds !== undefined) {
        seen.set(line, seconds)
      } else seen.delete(line)
    }
  } catch {
    seen.clear()
  }
  return seen
}

/** Notes that messages are seen now for the first time. Rejects with the error of the system. */
export async function noteFirstSeen(
  folder: PathHandle,
  { id, seconds }: SweepClock,
  ids: readonly string[],
): Promise<void> {
  const { O_WRONLY, O_APPEND, O_CREAT } = constants
  const file = await openIn(folder, O_WRONLY | O_APPEND | O_CREAT)
  try {
    // The line end in front of it ends half a line.
    await writeWholeAside(file, Buffer.from(`\n@${id} ${seconds}\n${ids.join('\n')}\n`, 'latin1'))
  } finally {
    await file.close()
  }
}

function openIn(folder: PathHandle, flags: number): Promise<FileHandle> {
  const path = `${procPathOf(folder)}/${FIRST_SEEN}`
  return open(path, flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600)
}

/** Reads the whole lines of a file, and closes it. */
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  try {
    const chunk = Buffer.alloc(CHUNK)
    let rest = ''
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, null)
      if (bytesRead === 0) return
      const lines = (rest + chunk.toString('latin1', 0, bytesRead)).split('\n')
      rest = lines.pop()!.slice(0, CHUNK) // a line of ours is short
      yield* lines
    }
  } finally {
    await file.close()
  }
}
