import { setImmediate } from 'node:timers/promises'
import { findHeaderEnd } from '../../../mail/message/header-block.ts'
import type { Message } from '../../../mail/message/message.ts'

/** Upper limits for the fields that are noted, and for the characters of one. */
const FIELDS_MAX = 100
const FIELD_MAX = 1000

const OF_HEADER = /^(?:from|subject|content-(?:type|disposition))[ \t]*:.*(?:\r?\n[ \t].*)*/gim
const OF_PARTS = /^content-(?:type|disposition)[ \t]*:.*(?:\r?\n[ \t].*)*/gim

/**
 * The fields by which people recognize a message, as they are written, latin1: From and Subject, and those that name a file
 * or a character set.
 */
class SeenFields {
  readonly #found = new Set<string>()

  /** Takes a whole text; no field of it goes on behind. */
  add(text: string, pattern: RegExp): void {
    for (const [field] of text.matchAll(pattern)) {
      if (this.#found.size === FIELDS_MAX) return
      if (/^content/i.test(field) && !/name|charset/i.test(field)) continue
      this.#found.add(field.slice(0, FIELD_MAX))
    }
  }

  get all(): readonly string[] {
    return [...this.#found]
  }

  get isFull(): boolean {
    return this.#found.size === FIELDS_MAX
  }
}

/** Resolves to these fields of a message, wherever they are in it. Other work of this process goes on meanwhile. */
export async function seenFields({
  header,
  body,
}: Pick<Message, 'header' | 'body'>): Promise<readonly string[]> {
  const seen = new SeenFields()
  seen.add(header.text, OF_HEADER)
  let rest = ''
  for (const chunk of body.chunks()) {
    if (seen.isFull) break
    const text = rest + chunk.toString('latin1')
    const end = endOfLastField(text)
    seen.add(text.slice(0, end), OF_PARTS)
    rest = text.slice(end).slice(-FIELD_MAX)
    await setImmediate()
  }
  seen.add(rest, OF_PARTS)
  return seen.all
}

/** Returns the position behind the last line end after which no line continues a field. */
function endOfLastField(text: string): number {
  let at = text.lastIndexOf('\n')
  while (at > 0 && (at + 1 === text.length || /[ \t]/.test(text[at + 1]!)))
    at = text.lastIndexOf('\n', at - 1)
  return at + 1
}

/** Returns the lines of the header in the first bytes of a message, without the empty line that ends it. */
export function headerLinesOf(start: Buffer): Buffer {
  const found = findHeaderEnd(start)
  return 'end' in found ? start.subarray(0, found.emptyAt) : start
}

/** Returns the fields that people see in the first bytes of a message, for messages that were kept without them. */
export function seenFieldsIn(start: Buffer): readonly string[] {
  const header = headerLinesOf(start)
  const seen = new SeenFields()
  seen.add(header.toString('latin1'), OF_HEADER)
  seen.add(start.toString('latin1', header.length), OF_PARTS)
  return seen.all
}
