import { constants } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { type PathHandle, procPathOf } from '../../ground/path/walk.ts'
import { writeWholeAside } from '../../ground/process/descriptors.ts'
import { isId } from './names.ts'
import type { SweepClock } from './sweep-clock.ts'

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
