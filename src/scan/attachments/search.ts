import { createHash } from 'node:crypto'
import { contentsOf } from '../../mime/contents.ts'
import type { Field } from '../../mime/headers/fields.ts'
import type { Source } from '../../mime/shared/source.ts'
import { spellings } from './file-names.ts'
import { readNames } from './part-names.ts'
import type { AttachmentRules } from './rules.ts'

/** The outcome of searching a message. */
export interface AttachmentFindings {
  /**
   * The first banned thing that was found and is not excused: a file name, `type a/b` or `content
   * executable`.
   */
  readonly banned: string | undefined
  /** The first banned thing that was found and is excused. */
  readonly excused: string | undefined
  /** The first limit that left something unread. */
  readonly limit: string | undefined
}

export interface SearchOptions {
  /** Opens a file without a name, for what memory has no room for. */
  readonly openFile: () => number
  /** The search ends at this signal, with its reason. */
  readonly signal: AbortSignal
}

/**
 * Searches a message for what the rules ban, wherever some reader of mail may see a name, a type or a
 * content (mime/contents.ts). Ends at the first banned thing that is not excused.
 */
export async function searchMessage(
  message: Source,
  search: AttachmentSearch,
  { openFile, signal }: SearchOptions,
): Promise<void> {
  const options = {
    createHash,
    openFile,
    onHeader: ({ fields }: { readonly fields: readonly Field[] }) => search.header(fields),
    onName: (name: string) => search.name(name),
  }
  for (const step of contentsOf(message, options)) {
    if (step.kind === 'over') search.over(step.why)
    if (step.kind === 'content') search.content(step.content)
    if (search.banned !== undefined) break
    if (step.kind === 'turn') await new Promise(setImmediate)
    signal.throwIfAborted()
  }
  signal.throwIfAborted()
}

export class AttachmentSearch implements AttachmentFindings {
  readonly #rules: AttachmentRules
  readonly #isExcused: (banned: string) => boolean
  banned: string | undefined
  excused: string | undefined
  limit: string | undefined

  /** `isExcused` says whether policy lets a message in that has this banned thing. */
  constructor(rules: AttachmentRules, isExcused: (banned: string) => boolean) {
    this.#rules = rules
    this.#isExcused = isExcused
  }

  header(fields: readonly Field[]): void {
    if (this.banned !== undefined) return
    const { names, types, over } = readNames(fields)
    for (const name of names) if (this.#rules.bansName(name)) this.#ban(name)
    for (const type of types) if (this.#rules.bansType(type)) this.#ban(`type ${type}`)
    if (over !== undefined) this.over(over)
  }

  name(name: string): void {
    for (const spelling of spellings(name)) {
      if (this.#rules.bansName(spelling)) this.#ban(spelling)
    }
  }

  content({ size, chunks }: Source): void {
    if (!this.#rules.bansExecutables) return
    const front: Buffer[] = []
    for (const chunk of chunks(0, Math.min(size, MAGIC_LENGTH))) front.push(Buffer.from(chunk))
    if (beginsExecutable(Buffer.concat(front))) this.#ban('content executable')
  }

  over(why: string): void {
    this.limit ??= why
  }

  #ban(what: string): void {
    if (this.#isExcused(what)) this.excused ??= what
    else this.banned ??= what
  }
}

/** Bytes of a file that beginsExecutable reads. */
const MAGIC_LENGTH = 64

/** The first four bytes of ELF, of Mach-O (32 and 64 bits, both byte orders, universal), and of a Java class. */
const magic = new Set([0x7f454c46, 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe])

/** Whether a file that begins with these bytes is a program for Windows, Unix, macOS or Java. */
function beginsExecutable(start: Buffer): boolean {
  if (start.length < 4) return false
  if (magic.has(start.readUInt32BE(0))) return true
  // A text may begin with "MZ", too; the header of a program has zeros where text has none.
  return start.toString('latin1', 0, 2) === 'MZ' && start.includes(0)
}
