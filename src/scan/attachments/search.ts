import { isExecutable, MAGIC_LENGTH } from './executable.ts'
import type { PartHeader } from './part-header.ts'
import type { Rules } from './rules.ts'
import { PartSplitter, type Sink } from './splitter.ts'
import { createTransferDecoder } from './transfer-decoder.ts'

/** Parts of one message with all messages attached to it. */
export const PARTS_MAX = 1000

/** Messages attached to one another. Each costs another pass over what it holds. */
export const MESSAGES_MAX = 10

export interface Findings {
  /** What was banned first: a file name, `type a/b` or `content executable`. */
  readonly banned: string | undefined
  /** Why readers of mail may see other parts than were looked at; the first reason. */
  readonly defect: string | undefined
}

interface Search {
  readonly rules: Rules
  banned: string | undefined
  defect: string | undefined
  parts: number
}

/**
 * Looks for banned parts in a message and in the messages attached to it, in one pass
 * and constant memory. Ends at the first that is banned. A defect does not end it; a
 * limit does for what lies behind it. Throws what `source` throws.
 */
export async function searchMessage(
  source: AsyncIterable<Buffer>,
  rules: Rules,
): Promise<Findings> {
  const search: Search = { rules, banned: undefined, defect: undefined, parts: 0 }
  const message = messageSink(search, 0)
  for await (const chunk of source) {
    message.push(chunk)
    if (isOver(search)) break
  }
  if (!isOver(search)) message.end()
  return { banned: search.banned, defect: search.defect }
}

/** One message, attached to `depth` others. */
function messageSink(search: Search, depth: number): Sink {
  return new PartSplitter({
    part: (header) => judgeHeader(header, search),
    content: (header) => contentSink(header, search, depth),
    defect: (why) => addDefect(search, why),
  })
}

function isOver(search: Search): boolean {
  return search.banned !== undefined || search.parts > PARTS_MAX
}

/** The first one stays; what stands behind something banned is not looked at. */
function addDefect(search: Search, why: string): void {
  if (search.banned === undefined) search.defect ??= why
}

function judgeHeader(header: PartHeader, search: Search): void {
  if (isOver(search)) return
  if (++search.parts > PARTS_MAX) addDefect(search, `more than ${PARTS_MAX} parts`)
  for (const defect of header.defects) addDefect(search, defect)
  const name = header.names.find(search.rules.bansName)
  const type = header.types.find(search.rules.bansType)
  search.banned = name ?? (type && `type ${type}`)
}

function contentSink(header: PartHeader, search: Search, depth: number): Sink {
  if (isOver(search)) return nowhere
  // Of any name: readers open what they do not know as a message, too.
  const isMessage = header.types.some((type) => type.startsWith('message/'))
  if (isMessage && depth === MESSAGES_MAX) {
    addDefect(search, `messages nested more than ${MESSAGES_MAX} deep`)
    return nowhere
  }
  if (isMessage && header.encoding === 'unknown') {
    addDefect(search, 'an attached message in an encoding that is not known')
  }
  const decoder = createTransferDecoder(header.encoding)
  const decoded = isMessage ? messageSink(search, depth + 1) : programSink(search)
  return {
    push(bytes) {
      if (!isOver(search)) decoded.push(decoder.push(bytes))
    },
    end() {
      if (isOver(search)) return
      decoded.end()
      const { cut, trailing } = decoder.end()
      if (cut) addDefect(search, 'base64 that was cut')
      // Some readers decode what stands behind the padding. Elsewhere it is often a footer.
      if (trailing && isMessage) addDefect(search, 'base64 that goes on behind its end')
    },
  }
}

const nowhere: Sink = { push() {}, end() {} }

/** Looks whether a content begins as a program does. */
function programSink(search: Search): Sink {
  if (!search.rules.bansExecutables) return nowhere
  const start = Buffer.alloc(MAGIC_LENGTH)
  let length = 0
  return {
    push(bytes) {
      length += bytes.copy(start, length)
    },
    end() {
      if (isExecutable(start.subarray(0, length))) search.banned ??= 'content executable'
    },
  }
}
