import { createHash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs'
import { open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Clients, each with the seconds for which it is still known; the longest known come first. */
export type SecondsByClient = ReadonlyMap<string, number>

/** Most bytes of the file; with 100,000 clients it has some three million. */
const FILE_MAX = 16 * 1024 * 1024
const HEAD = 'smtp-delay-known 1'
const DIGEST_LENGTH = 64

/**
 * The clients that `writeKnownFile` has put there, without those whose time has run out by now
 * (unix seconds). Without a file there are none. Throws if it is damaged, of another version or no
 * such file; does not check who may read it. If the clock was set back, no time has passed since.
 */
export function readKnownFile(file: string, now: number): Map<string, number> {
  const text = readText(file)
  if (text === undefined) return new Map()
  const end = text.length - DIGEST_LENGTH - 1
  const [head = '', ...lines] = text.slice(0, Math.max(0, end)).split('\n')
  const [, saved, count] = /^smtp-delay-known 1 (\d{1,12}) (\d{1,9})$/.exec(head) ?? []
  if (saved === undefined) {
    throw new Error(/^smtp-delay-known /.test(text) ? 'is of another version' : 'is damaged')
  }
  if (text.slice(end) !== `${digestOf(text.slice(0, end))}\n`) throw new Error('is damaged')
  const passed = Math.max(0, now - Number(saved))
  const clients = new Map<string, number>()
  for (const line of lines.slice(0, Number(count))) {
    const [client = '', seconds] = line.split(' ')
    const left = Number(seconds) - passed
    if (left > 0) clients.set(client, left)
  }
  return clients
}

/**
 * Writes them to the file, wholly or not at all: into a file beside it, then to the disk, then in
 * its place. After a crash or on a full disk the file of before is still there. Rejects with what
 * went wrong.
 */
export async function writeKnownFile(
  file: string,
  clients: SecondsByClient,
  now: number,
): Promise<void> {
  let text = `${HEAD} ${Math.floor(now)} ${clients.size}\n`
  for (const [client, seconds] of clients) text += `${client} ${Math.ceil(seconds)}\n`
  const fresh = `${file}.new`
  try {
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW
    const handle = await open(fresh, flags, 0o600)
    try {
      await handle.writeFile(`${text}${digestOf(text)}\n`, 'latin1')
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(fresh, file)
  } catch (error) {
    await unlink(fresh).catch(() => {})
    throw error
  }
  const directory = await open(dirname(file), constants.O_RDONLY)
  await directory.sync().finally(() => directory.close())
}

/**
 * Reads the file; undefined if there is none. It may be anything that somebody has put there, so
 * nothing waits for it.
 */
function readText(file: string): string | undefined {
  let fd: number
  try {
    fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    const status = fstatSync(fd)
    if (!status.isFile()) throw new Error('is no file')
    if (status.size > FILE_MAX) throw new Error('is too large')
    return readFileSync(fd, 'latin1')
  } finally {
    closeSync(fd)
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex')
}
