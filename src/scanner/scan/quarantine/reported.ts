import { constants } from 'node:fs'
import type { FileHandle } from 'node:fs/promises'
import { errorCode } from '../../../base/errors/fault.ts'
import type { PathHandle } from '../../../base/path/path-handle.ts'
import { isId } from './entries.ts'
import { appendIn, openIn, writeFileIn } from './files.ts'
import { quarantineFault } from './folders.ts'

/**
 * The file of messages that digests have listed, in the quarantine: a line for each, its id and the address of the digest. A
 * digest itself has such a line, too: in place of an id its time, a dot and zeros.
 */
const FILE = 'digest.reported'

/** Which messages were reported to which address (latin1), so that the next digest lists only others. */
export class Reported {
  readonly #root: PathHandle
  readonly #lines: Set<string>

  private constructor(root: PathHandle, lines: Set<string>) {
    this.#root = root
    this.#lines = lines
  }

  /** Reads the file. If there is none, nothing was reported. Rejects with a Fault. */
  static async read(root: PathHandle): Promise<Reported> {
    const lines = new Set<string>()
    try {
      const file = await openIn(root, FILE, constants.O_RDONLY)
      for await (const line of linesOf(file)) if (isId(line.replace(/ .*/, ''))) lines.add(line)
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw quarantineFault(FILE, error)
    }
    return new Reported(root, lines)
  }

  has(id: string, address: string): boolean {
    return this.#lines.has(lineOf(id, address))
  }

  /** Returns when the last digest was sent to an address, unix milliseconds, or 0. */
  lastAt(address: string): number {
    const end = `${ITSELF} ${address}`
    const times = [...this.#lines].flatMap((line) => line.endsWith(end) ? [Number.parseInt(line, 10) * 1000] : []) // biome-ignore format: a line
    return Math.max(0, ...times)
  }

  /**
   * Forgets lines of before this time (unix seconds), when the oldest message in quarantine was kept, and writes the file again. Call it
   * before anything is sent: on a full disk this rejects with a Fault, and nothing that cannot be noted is sent.
   */
  async forgetBefore(oldest: number): Promise<void> {
    for (const line of this.#lines) if (Number.parseInt(line, 10) < oldest) this.#lines.delete(line)
    const text = Array.from(this.#lines, (line) => `${line}\n`).join('')
    await writeFileIn(this.#root, FILE, Buffer.from(text, 'latin1'))
  }

  /** Notes that a digest with these messages was sent, unix milliseconds. When this resolves, that is on the disk. Rejects with a Fault. */
  async add(ids: readonly string[], address: string, now: number): Promise<void> {
    const itself = `${Math.floor(now / 1000)}${ITSELF}`
    const text = [...ids, itself].map((id) => `${lineOf(id, address)}\n`).join('')
    await appendIn(this.#root, FILE, Buffer.from(text, 'latin1'))
  }
}

const ITSELF = `.${'0'.repeat(16)}`

const lineOf = (id: string, address: string) => `${id} ${address}`

/** Bytes read at once. */
const CHUNK = 256 * 1024

/** Reads the whole lines of a file, and closes it. */
async function* linesOf(file: FileHandle): AsyncGenerator<string> {
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
