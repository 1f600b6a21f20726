import { randomBytes } from 'node:crypto'
import { constants, readFileSync } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, errorText } from '../../ground/errors/fault.ts'
import { syncDirectoryAside } from '../../ground/path/directories.ts'
import { type PathHandle, procPathOf } from '../../ground/path/walk.ts'

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
interface SweepTurn {
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
