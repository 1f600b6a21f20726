import type { Transform } from 'node:stream'
import mailsplit, { type MimeNode } from 'mailsplit'
import { errorText } from '../../fault.ts'
import { type PartHeader, readPartHeader } from './part-header.ts'

/** Bytes of the longest header of a part. What comes behind them counts as content. */
export const HEADER_MAX = 1024 * 1024

/** Multiparts inside one another in one message. */
export const DEPTH_MAX = 20

export interface SplitterEvents {
  /** A header was read, of the message itself or of a part. */
  part(header: PartHeader): void
  /** Readers of mail may disagree about the structure. */
  defect(why: string): void
}

export interface PartSplitter {
  /** Takes bytes, gives mailsplit's items. */
  readonly stream: Transform
  headerOf(node: MimeNode): PartHeader
  /** Call once all items were read: tells of multiparts that were never closed. */
  end(): void
}

/** What is known of a multipart beyond mailsplit's own node. */
interface Multipart {
  readonly boundary: Buffer
  hasParts: boolean
  closed: boolean
}

/**
 * mailsplit, with two of its decisions taken here.
 *
 * Boundaries: it looks for those of the current part and its parent to the letter. RFC
 * 2046 5.1 wants blanks behind a boundary ignored and a part ended by the boundary of
 * any multipart around it; otherwise one missing line hides all parts that follow.
 *
 * Headers: it reads them with libmime, which knows no comments, takes one of several
 * values, and throws outside of the stream's error path for a file `x.constructor` or a
 * parameter `__proto__*0`, which ends the process.
 */
export function createPartSplitter(events: SplitterEvents): PartSplitter {
  const headers = new WeakMap<MimeNode, PartHeader>()
  const multiparts = new WeakMap<MimeNode, Multipart>()
  const splitter = new mailsplit.Splitter({
    ignoreEmbedded: true,
    maxHeadSize: Number.MAX_SAFE_INTEGER, // over a limit it ends; checkBoundary goes on
    maxChildNodes: Number.MAX_SAFE_INTEGER,
  })

  /** The open and closed multiparts from `node` outwards. */
  function* around(node: MimeNode): Generator<[MimeNode, Multipart]> {
    for (let at: MimeNode | false = node; at; at = at.parentNode) {
      const multipart = multiparts.get(at)
      if (multipart) yield [at, multipart]
    }
  }

  function readHeader(node: MimeNode): void {
    if (headers.has(node)) return
    const parent = node.parentNode ? headers.get(node.parentNode) : undefined
    const defaultType = parent?.type === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
    const header = readSafely(Buffer.concat(node._headersLines), defaultType)
    headers.set(node, header)

    const depth = [...around(node)].length
    if (header.boundary && depth < DEPTH_MAX) {
      multiparts.set(node, { boundary: header.boundary, hasParts: false, closed: false })
      node.multipart = header.type
    } else if (header.boundary) {
      events.defect(`multiparts nested more than ${DEPTH_MAX} deep`)
    }
    events.part(header)
  }

  /** Takes the header as complete; without its empty line it is no item of the stream. */
  function endHeader(): void {
    if (splitter.node._headersLines.length > 0) readHeader(splitter.node)
    splitter.state = IN_BODY
  }

  let headerLength = 0
  const newNode = splitter.newNode.bind(splitter)
  splitter.newNode = (parent) => {
    newNode(parent)
    headerLength = 0
    const { node } = splitter
    node.parseHeaders = () => readHeader(node)
  }
  const root = splitter.node
  root.parseHeaders = () => readHeader(root)

  splitter.checkBoundary = (line) => {
    if (splitter.state === IN_HEADER) headerLength += line.length
    if (splitter.state === IN_HEADER && headerLength > HEADER_MAX) {
      events.defect(`a header of more than ${HEADER_MAX} bytes`)
      endHeader()
    }
    const delimiter = readDelimiter(line)
    if (delimiter === undefined) return false
    const unclosed: Multipart[] = []
    for (const [node, multipart] of around(splitter.node)) {
      const meaning = meaningOf(delimiter, multipart.boundary)
      if (meaning === false) {
        if (!multipart.closed) unclosed.push(multipart)
        continue
      }
      if (unclosed.length > 0) events.defect('a multipart inside another is not closed')
      if (meaning === 1 && multipart.closed) events.defect('a part behind the end of its multipart')
      if (meaning === 2 && !multipart.hasParts) events.defect('a multipart without parts')
      if (splitter.state === IN_HEADER) endHeader()
      if (meaning === 1) multipart.hasParts = true
      else multipart.closed = true
      splitter.node = node
      return meaning
    }
    return false
  }

  return {
    stream: splitter,
    headerOf: (node) => headers.get(node)!,
    end() {
      for (const [, multipart] of around(splitter.node)) {
        if (!multipart.closed) events.defect('a multipart is not closed')
      }
    },
  }
}

/** Anything thrown here would pass mailsplit's stream by and end the process. */
function readSafely(block: Buffer, defaultType: string): PartHeader {
  try {
    return readPartHeader(block, defaultType)
  } catch (error) {
    return {
      type: defaultType,
      types: [defaultType],
      names: [],
      boundary: undefined,
      encoding: 'unknown',
      defects: [`a header that cannot be read: ${errorText(error)}`],
    }
  }
}

/** The line without its end and the blanks before it, if it begins as a delimiter does. */
function readDelimiter(line: Buffer): Buffer | undefined {
  let from = 0
  let to = line.length
  // mailsplit may put the end of the line before in front of this one.
  if (line[from] === CR) from++
  if (line[from] === LF) from++
  if (line[from] !== DASH || line[from + 1] !== DASH) return undefined
  while (to > from && isBlank(line[to - 1]!)) to--
  return line.subarray(from + 2, to)
}

/** mailsplit's own, which it does not export. */
const IN_HEADER = 1
const IN_BODY = 2

const CR = 0x0d
const LF = 0x0a
const DASH = 0x2d

function isBlank(byte: number): boolean {
  return byte === CR || byte === LF || byte === 0x20 || byte === 0x09
}

/** 1: opens a part; 2: closes the multipart. */
function meaningOf(delimiter: Buffer, boundary: Buffer): false | 1 | 2 {
  if (delimiter.equals(boundary)) return 1
  const closes =
    delimiter.length === boundary.length + 2 &&
    delimiter.subarray(0, boundary.length).equals(boundary) &&
    delimiter[boundary.length] === DASH &&
    delimiter[boundary.length + 1] === DASH
  return closes && 2
}
