import { createHash } from 'node:crypto'
import { contentsOf } from '../../mime/contents.ts'
import type { Field } from '../../mime/fields.ts'
import type { Source } from '../../mime/source.ts'
import { beginsExecutable, MAGIC_LENGTH } from './executable.ts'
import { spellings } from './file-names.ts'
import { readNames } from './part-names.ts'
import type { AttachmentRules } from './rules.ts'

/** The outcome of searching a message. */
export interface AttachmentFindings {
  /** The first banned thing that was found: a file name, `type a/b` or `content executable`. */
  readonly banned: string | undefined
  /** The first limit that left something unread. */
  readonly over: string | undefined
}

export interface SearchOptions {
  /** Opens a file without a name, for what memory has no room for. */
  readonly openFile: () => number
  /** The search ends at this signal, with its reason. */
  readonly signal: AbortSignal
}

/**
 * Searches a message for what the rules ban, wherever some reader of mail may see a name, a type or a
 * content (mime/contents.ts). Ends at the first banned thing.
 */
export async function searchMessage(
  message: Source,
  rules: AttachmentRules,
  { openFile, signal }: SearchOptions,
): Promise<AttachmentFindings> {
  const search = new Search(rules)
  const options = {
    createHash,
    openFile,
    onHeader: ({ fields }: { readonly fields: readonly Field[] }) => search.header(fields),
    onName: (name: string) => search.name(name),
  }
  for (const step of contentsOf(message, options)) {
    if (step.kind === 'over') search.over ??= step.why
    if (step.kind === 'content') search.content(step.content)
    if (search.banned !== undefined) break
    if (step.kind === 'turn') await new Promise(setImmediate)
    signal.throwIfAborted()
  }
  signal.throwIfAborted()
  return search
}

class Search implements AttachmentFindings {
  readonly #rules: AttachmentRules
  banned: string | undefined
  over: string | undefined

  constructor(rules: AttachmentRules) {
    this.#rules = rules
  }

  header(fields: readonly Field[]): void {
    if (this.banned !== undefined) return
    const { names, types, over } = readNames(fields)
    const type = types.find(this.#rules.bansType)
    this.banned = names.find(this.#rules.bansName) ?? (type && `type ${type}`)
    this.over ??= over
  }

  name(name: string): void {
    this.banned ??= spellings(name).find(this.#rules.bansName)
  }

  content({ size, chunks }: Source): void {
    if (!this.#rules.bansExecutables) return
    const front: Buffer[] = []
    for (const chunk of chunks(0, Math.min(size, MAGIC_LENGTH))) front.push(Buffer.from(chunk))
    if (beginsExecutable(Buffer.concat(front))) this.banned ??= 'content executable'
  }
}
