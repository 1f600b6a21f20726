import { pipeline } from 'node:stream/promises'
import type { SplitterItem } from 'mailsplit'
import { isExecutable, MAGIC_LENGTH } from './executable.ts'
import type { PartHeader } from './part-header.ts'
import type { Rules } from './rules.ts'
import { createPartSplitter } from './splitter.ts'
import { createTransferDecoder } from './transfer-decoder.ts'
import { wholeLines } from './whole-lines.ts'

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
  await searchInside(source, search, 0)
  return { banned: search.banned, defect: search.defect }
}

/** One message, attached to `depth` others. */
async function searchInside(
  source: AsyncIterable<Buffer>,
  search: Search,
  depth: number,
): Promise<void> {
  const splitter = createPartSplitter({
    part: (header) => judgeHeader(header, search),
    defect: (why) => addDefect(search, why),
  })
  const feeding = pipeline(source, wholeLines, splitter.stream)
  feeding.catch(() => {}) // the items throw it, too
  const items: AsyncIterator<SplitterItem> = splitter.stream[Symbol.asyncIterator]()
  let item: SplitterItem | undefined
  const advance = async () => {
    item = (await items.next()).value
  }

  try {
    await advance()
    while (item && !isOver(search)) {
      if (item.type !== 'node') {
        await advance() // a boundary, or text around parts
        continue
      }
      const node = item
      const isContent = () => item?.type === 'body' && item.node === node
      const content = async function* () {
        for (; isContent(); await advance()) yield (item as { value?: Buffer }).value ?? nothing
      }
      await advance()
      await searchContent(content(), splitter.headerOf(node), search, depth)
      while (isContent() && !isOver(search)) await advance()
    }
    if (!item) splitter.end()
  } finally {
    splitter.stream.destroy()
  }
}

const nothing = Buffer.alloc(0)

function isOver(search: Search): boolean {
  return search.banned !== undefined || search.parts > PARTS_MAX
}

function addDefect(search: Search, why: string): void {
  search.defect ??= why
}

function judgeHeader(header: PartHeader, search: Search): void {
  if (++search.parts > PARTS_MAX) addDefect(search, `more than ${PARTS_MAX} parts`)
  for (const defect of header.defects) addDefect(search, defect)
  const name = header.names.find(search.rules.bansName)
  const type = header.types.find(search.rules.bansType)
  search.banned ??= name ?? (type && `type ${type}`)
}

async function searchContent(
  content: AsyncGenerator<Buffer>,
  header: PartHeader,
  search: Search,
  depth: number,
): Promise<void> {
  // Of any name: readers open what they do not know as a message, too.
  const isMessage = header.types.some((type) => type.startsWith('message/'))
  if (isMessage && depth === MESSAGES_MAX) {
    return addDefect(search, `messages nested more than ${MESSAGES_MAX} deep`)
  }
  if (isMessage && header.encoding === 'unknown') {
    addDefect(search, 'an attached message in an encoding that is not known')
  }
  const decoder = createTransferDecoder(header.encoding)
  const decoded = async function* () {
    for await (const chunk of content) yield decoder.push(chunk)
  }
  if (isMessage) await searchInside(decoded(), search, depth + 1)
  else await searchBytes(decoded(), search)

  const { cut, trailing } = decoder.end()
  if (cut) addDefect(search, 'base64 that was cut')
  // Some readers decode what stands behind the padding. Elsewhere it is often a footer.
  if (trailing && isMessage) addDefect(search, 'base64 that goes on behind its end')
}

async function searchBytes(decoded: AsyncGenerator<Buffer>, search: Search): Promise<void> {
  let start: Buffer = nothing
  for await (const bytes of decoded) {
    if (start.length >= MAGIC_LENGTH || !search.rules.bansExecutables) continue
    start = Buffer.concat([start, bytes.subarray(0, MAGIC_LENGTH - start.length)])
  }
  if (search.rules.bansExecutables && isExecutable(start)) search.banned ??= 'content executable'
}
