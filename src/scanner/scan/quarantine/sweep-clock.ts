import { randomBytes } from 'node:crypto'
import { constants, readFileSync } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { errorCode, errorText, errorTextAt } from '../../../base/errors/fault.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { writeWholeInThread } from '../../../base/process/descriptors.ts'
import { formatDuration } from '../../../base/text/units.ts'
import { isId } from './entries.ts'

/** The wall clock, and a monotonic clock. */
export interface HostTime {
  /** The wall clock, milliseconds since 1970. */
  readonly now: number
  /** Names the start of the kernel: `uptime` is another clock after the next one. */
  readonly boot: string
  /** Milliseconds since that start, including time in which the host was suspended. */
  readonly uptime: number
}

/** Reads the clocks of this host: random(4), proc_uptime(5). Throws the error of the system. */
export function readHostTime(now: number): HostTime {
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim()
  const [seconds] = readFileSync('/proc/uptime', 'latin1').split(' ')
  return { now, boot, uptime: Math.round(Number(seconds) * 1000) }
}

/** The file of the clock, in the quarantine. Its name differs from every reason for quarantine. */
const CLOCK = 'sweep.clock'
/**
 * A file in the folder of a day. Each section begins with a line that contains the id of the clock and its
 * time. The ids of the messages that a sweep then saw for the first time follow. Lines are only ever added.
 */
export const FIRST_SEEN = 'sweep.seen'
const HEAD = /^@([0-9a-f]{16}) ([0-9]{1,12})$/
/**
 * Upper limit, in milliseconds, for the time counted between two sweeps. If the kernel's clocks jump
 * together, or the file is old, messages age by no more than that.
 */
const COUNTED_MAX = 60 * 60 * 1000
/** Milliseconds by which the wall clock may advance faster or slower than the kernel's. */
const STEP_MAX = 5 * 60 * 1000
/** Bytes read at once. The file of the clock is far smaller. */
const CHUNK = 256 * 1024

/**
 * The content of the file of the clock: its time, and the host's clocks at the last sweep, in milliseconds.
 */
interface LastSweep extends HostTime {
  /** The id of the clock. firstSeen() reads only times of this clock. */
  readonly id: string
  readonly passed: number
}

/**
 * The clock for the age of messages in quarantine. It advances by the time that sweeps measured, so that no
 * step of the wall clock makes a message old. It begins at 0 with the first sweep.
 */
export class SweepClock {
  readonly seconds: number
  /** Set if nothing may be removed in this sweep: why. */
  readonly stopped: string | undefined
  readonly warnings: readonly string[]
  readonly #id: string

  private constructor(last: LastSweep, stopped: string | undefined, warnings: readonly string[]) {
    this.#id = last.id
    this.seconds = Math.floor(last.passed / 1000)
    this.stopped = stopped
    this.warnings = warnings
  }

  /**
   * Advances the clock of a quarantine to this sweep. It adds the time since the last sweep: the lesser of
   * the wall clock's and the kernel clock's time, or none if the host was restarted meanwhile. If the wall
   * clock was set since then, the sweep is stopped. If the file is missing or invalid, a new clock begins.
   */
  static async advance(root: PathHandle, time: HostTime): Promise<SweepClock> {
    const warnings: string[] = []
    const last = await readClock(root).catch((error): LastSweep => {
      if (errorCode(error) !== 'ENOENT') {
        warnings.push(
          `${CLOCK}: ${errorTextAt(CLOCK, error)}: the age of all messages starts again at zero`,
        )
      }
      return { ...time, id: randomBytes(8).toString('hex'), passed: 0 }
    })
    const wall = time.now - last.now
    const kernel = time.boot === last.boot ? time.uptime - last.uptime : undefined
    const elapsed = kernel === undefined ? 0 : Math.min(wall, kernel, COUNTED_MAX)
    const next = { ...last, ...time, passed: last.passed + Math.max(elapsed, 0) }
    try {
      await replaceInQuarantine(root, CLOCK, Buffer.from(`${JSON.stringify(next)}\n`))
    } catch (error) {
      warnings.push(
        `${CLOCK} cannot be written, so the age of messages does not increase: ${errorText(error)}`,
      )
    }
    // After a restart the time that the host was off is unknown: only a clock that went back was certainly
    // set.
    const step = kernel === undefined ? Math.min(wall, 0) : wall - kernel
    const isStopped = Math.abs(step) > STEP_MAX
    return new SweepClock(
      next,
      isStopped ? `${describeStep(step)}: this sweep removes nothing` : undefined,
      warnings,
    )
  }

  /**
   * Resolves to the times at which the messages of a folder were first seen, in seconds of the clock, by id.
   * Ignores times of another clock, and times after now: those messages are treated as new. So do all messages
   * whose times cannot be read.
   */
  async firstSeen(folder: PathHandle): Promise<Map<string, number>> {
    const seen = new Map<string, number>()
    let seconds: number | undefined
    try {
      for await (const line of linesOf(await openIn(folder, FIRST_SEEN, constants.O_RDONLY))) {
        const [, clock, noted] = HEAD.exec(line) ?? []
        if (clock !== undefined) {
          seconds = clock === this.#id && Number(noted) <= this.seconds ? Number(noted) : undefined
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

  /**
   * Notes that messages of a folder are seen now for the first time. Rejects with the error of the
   * system.
   */
  async noteSeen(folder: PathHandle, ids: readonly string[]): Promise<void> {
    const { O_WRONLY, O_APPEND, O_CREAT } = constants
    const file = await openIn(folder, FIRST_SEEN, O_WRONLY | O_APPEND | O_CREAT)
    try {
      // The line end in front of it ends half a line.
      const text = `\n@${this.#id} ${this.seconds}\n${ids.join('\n')}\n`
      await writeWholeInThread(file, Buffer.from(text, 'latin1'))
    } finally {
      await file.close()
    }
  }
}

function describeStep(step: number): string {
  const shown = formatDuration(Math.abs(step))
  return `the clock was set ${step < 0 ? 'back' : 'forward'} by ${shown} since the last sweep`
}

async function readClock(root: PathHandle): Promise<LastSweep> {
  const file = await openIn(root, CLOCK, constants.O_RDONLY)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(CHUNK), 0, CHUNK, 0)
    const last: unknown = JSON.parse(buffer.toString('utf8', 0, bytesRead))
    if (isLastSweep(last)) return last
    throw new Error('has invalid content')
  } finally {
    await file.close()
  }
}

function isLastSweep(value: unknown): value is LastSweep {
  if (typeof value !== 'object' || value === null) return false
  const { id, boot, passed, now, uptime }: Partial<Record<string, unknown>> = { ...value }
  const times = [passed, now, uptime]
  if (!times.every((time) => Number.isSafeInteger(time) && Number(time) >= 0)) return false
  return typeof boot === 'string' && typeof id === 'string' && /^[0-9a-f]{16}$/.test(id)
}

export function openIn(directory: PathHandle, name: string, flags: number): Promise<FileHandle> {
  const { O_NOFOLLOW, O_NONBLOCK } = constants
  return open(directory.at(name), flags | O_NOFOLLOW | O_NONBLOCK, 0o600)
}

/**
 * Writes a file as a whole or not at all: a new file of mode 0600 in its directory, `.new`, is written, synced
 * and renamed. After a crash or on a full disk the old file is still there. Rejects with the error of the
 * system.
 */
export async function replaceInQuarantine(
  directory: PathHandle,
  name: string,
  bytes: Buffer,
): Promise<void> {
  const fresh = directory.at(`${name}.new`)
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
    const handle = await open(fresh, flags, 0o600)
    try {
      await handle.writeFile(bytes)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, directory.at(name))
  } catch (error) {
    await unlink(fresh).catch(() => {})
    throw error
  }
  await directory.sync()
}

/** Reads the whole lines of a file, and closes it. */
export async function* linesOf(file: FileHandle): AsyncGenerator<string> {
  try {
    const chunk = Buffer.alloc(CHUNK)
    let rest = ''
    for (;;) {
      const { bytesRead } = await file.read(chunk, 0, CHUNK, null)
      if (bytesRead === 0) return
      const lines = (rest + chunk.toString('latin1', 0, bytesRead)).split('\n')
      rest = (lines.pop() ?? '').slice(0, CHUNK) // a line of ours is short
      yield* lines
    }
  } finally {
    await file.close()
  }
}
