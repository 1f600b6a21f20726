import { createHash } from 'node:crypto'
import { contentsOf } from '../../mime/contents.ts'
import type { Field } from '../../mime/fields.ts'
import type { Source } from '../../mime/source.ts'
import { isExecutable, MAGIC_LENGTH } from './executable.ts'
import { spellings } from './file-names.ts'
import { readNames } from './part-names.ts'
import type { AttachmentRules } from './rules.ts'

export interface AttachmentFindings {
  /** What was banned first: a file name, `type a/b` or `content executable`. */
  readonly banned: string | undefined
  /** The limit behind which nothing was looked at; the first one. */
  readonly over: string | undefined
}

export interface SearchOptions {
  /** As ContentsOptions has it. */
  readonly openFile: () => number
  /** The search ends at this signal, with its reason. */
  readonly signal: AbortSignal
}

/**
 * Looks for what is banned wherever any reader of mail may see a name, a type or a content: in
 * what the one reading of the mail finds (mime/contents.ts), and nowhere else. Ends at the first
 * that is banned.
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
    if (isExecutable(Buffer.concat(front))) this.banned ??= 'content executable'
  }
}
