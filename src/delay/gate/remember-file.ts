import { createHash } from 'node:crypto'
import { errorCode } from '../../ground/errors/fault.ts'
import { readForeignFile } from '../../ground/path/read.ts'
import { replaceFile } from '../../ground/path/replace-file.ts'

/** The seconds for which each client is still remembered, in the order of their last visits. */
export type SecondsByClient = ReadonlyMap<string, number>

/** Most bytes of the file. With 100,000 clients it has about three million. */
const FILE_MAX = 16 * 1024 * 1024
const HEAD = 'smtp-delay-remembered 1'
const DIGEST_LENGTH = 64

/**
 * Reads the clients that `writeRememberFile` wrote, without those whose time is over by now (unix
 * seconds). If there is no file, there are none. If the clock was set back since, no time counts as
 * passed. Throws an Error if the file is damaged, has another version, or is not a regular file.
 */
export function readRememberFile(file: string, now: number): Map<string, number> {
  const text = readText(file)
  if (text === undefined) return new Map()
  const end = text.length - DIGEST_LENGTH - 1
  const [head = '', ...lines] = text.slice(0, Math.max(0, end)).split('\n')
  const [, saved, count] = /^smtp-delay-remembered 1 (\d{1,12}) (\d{1,9})$/.exec(head) ?? []
  if (saved === undefined) {
    const isOther = /^smtp-delay-remembered /.test(text)
    throw new Error(`${file}: is ${isOther ? 'of another version' : 'damaged'}`)
  }
  if (text.slice(end) !== `${digestOf(text.slice(0, end))}\n`) {
    throw new Error(`${file}: is damaged`)
  }
  const passed = Math.max(0, now - Number(saved))
  const clients = new Map<string, number>()
  for (const line of lines.slice(0, Number(count))) {
    const [client = '', seconds] = line.split(' ')
    const left = Number(seconds) - passed
    if (left > 0) clients.set(client, left)
  }
  return clients
}

/** Writes the file as a whole or not at all. Rejects with the error of the system. */
export async function writeRememberFile(
  file: string,
  clients: SecondsByClient,
  now: number,
): Promise<void> {
  let text = `${HEAD} ${Math.floor(now)} ${clients.size}\n`
  for (const [client, seconds] of clients) text += `${client} ${Math.ceil(seconds)}\n`
  await replaceFile(file, Buffer.from(`${text}${digestOf(text)}\n`, 'latin1'))
}

/** Reads the text of the file; undefined if there is none. Somebody else may have put it there. */
function readText(file: string): string | undefined {
  try {
    return readForeignFile(file, FILE_MAX).toString('latin1')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function digestOf(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex')
}
