import type { HeaderRegion } from '../headers/header-region.ts'
import { type Encoding, NO_HEADER, type PartHeader } from '../headers/part-header.ts'
import { LimitExceeded, limits } from '../shared/limits.ts'
import type { Oddity } from '../shared/oddities.ts'
import type { Multipart } from './delimiters.ts'
import type { Depth } from './nesting.ts'

/** A content that begins at one place and may end at several. All places are offsets in the mail. */
export interface Leaf {
  readonly from: number
  /** The start of the line that ends the content for all readers. */
  readonly to: number
  /** The starts of lines that end the content earlier for some readers. */
  readonly mayEnd: readonly number[]
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
  /** The depth of the content; undefined if a reader knows it only by its looks. */
  readonly depth: Depth | undefined
  /** Whether every reader sees the header of the content, or the content has none. */
  readonly isSeenByAll: boolean
  /**
   * Whether it is the text of the mail itself: the first of its type, if all readers see its header, and
   * no disposition with plain text. Some readers take every other text, and the text of an attached
   * message, for a file.
   */
  readonly isOwnText: boolean
  /**
   * Whether it begins among the lines of a header, which goes on for most readers. So the reading of the mail
   * itself finds what stands in it.
   */
  readonly isInHeader: boolean
}

/**
 * A text in which lines begin data that readers recognise by its looks (coded-blocks.ts): from the first such
 * line, with the byte before it if that does not end a line.
 */
export interface CodedText {
  readonly from: number
  readonly to: number
}

/** A content that may have begun, and whose end is not reached. */
interface OpenContent {
  readonly kind: 'leaf' | 'coded'
  readonly from: number
  readonly region: HeaderRegion | undefined
  readonly depth: Depth | undefined
  readonly isInHeader: boolean
  /** For each way in which a line may be a delimiter, the first such line. */
  readonly mayEnd: Map<string, number>
  /** Whether it is encoded data that has gone on behind a delimiter. */
  goesOn: boolean
}

export interface ContentListener {
  leaf?(leaf: Leaf): void
  coded?(coded: CodedText): void
  /** The mail has a form that ordinary mail never has, where every reader must see it. */
  odd?(oddity: Oddity): void
  /** Something that only some readers see is left out, by the limit that this says. */
  unread?(why: string): void
}

/**
 * The contents that have begun and not ended. If there are too many, a further one that only some
 * readers see is left out; one that every reader sees is a LimitExceeded.
 */
export class OpenContents {
  readonly #listener: ContentListener
  readonly #open: OpenContent[] = []
  /** The contents that, for some readers, only a delimiter with this boundary ends. */
  readonly #goingOn: { readonly open: OpenContent; readonly boundary: string }[] = []
  #places = 0
  /** The types of the texts so far. */
  readonly #textTypes = new Set<string>()

  constructor(listener: ContentListener) {
    this.#listener = listener
  }

  get length(): number {
    return this.#open.length
  }

  /** Whether encoded data is among the open contents. */
  get hasCoded(): boolean {
    return this.#open.some(({ kind }) => kind === 'coded')
  }

  begin(open: Omit<OpenContent, 'mayEnd' | 'goesOn'>): void {
    const isFull = ++this.#places > limits.places || this.#open.length === limits.open
    if (!isFull) {
      this.#open.push({ ...open, mayEnd: new Map(), goesOn: false })
      return
    }
    const why = `more than ${limits.places} contents, or ${limits.open} at a time`
    if (open.region?.isSeenByAll) throw new LimitExceeded(why)
    this.#listener.unread?.(why)
  }

  /**
   * Notes that all open contents may end at this place, for readers that take such a line for a
   * delimiter. `way` names the kind of line; `boundary` is the boundary that the line begins with.
   */
  mayEnd(way: string, at: number, boundary: string | undefined): void {
    this.#endGoingOn(boundary, at)
    for (const { mayEnd } of this.#open) if (!mayEnd.has(way)) mayEnd.set(way, at)
  }

  /**
   * Ends the contents that began behind such a line in the innermost multipart: who took that line for a
   * delimiter takes this one for one, too. Those that may hold others go on.
   */
  endAlike(line: string, innermost: Multipart | undefined, to: number): void {
    for (let at = this.#open.length - 1; at >= (innermost?.base ?? 0); at--) {
      const { region } = this.#open[at]!
      if (region?.start.line !== line) continue
      const { multipart, message } = region.header
      if (multipart === 'no' && message === 'no') this.#end(this.#open.splice(at, 1)[0]!, to)
    }
  }

  /**
   * Ends the contents of a multipart at its delimiter. Some of them also go on for some reader: encoded data
   * if `coded`, and what began in the multipart `inside`, which is still open.
   */
  end(
    { base, boundary }: Multipart,
    to: number,
    { coded, inside }: { readonly coded: boolean; readonly inside: Multipart | undefined },
  ): void {
    this.#endGoingOn(boundary, to)
    // Some readers see only the delimiters of a multipart inside. For them its content goes on, and
    // what begins after it is part of it. So one more content goes on only for readers that see
    // fewer attached messages around it.
    const messages = Math.min(...this.#goingOn.map(({ open }) => messagesAround(open)))
    let kept = Math.min(base, this.#open.length)
    let goesOn = false
    for (let at = kept; at < this.#open.length; at++) {
      const open = this.#open[at]!
      if (open.kind === 'coded') {
        // Of those that go on, the first has all others in it.
        const isFirst = coded && !goesOn
        if (!isFirst || !open.goesOn) this.#end(open, to)
        if (!isFirst) continue
        goesOn = true
        open.goesOn = true
        this.#open[kept++] = open
      } else if (inside && at >= inside.base && messagesAround(open) < messages) {
        open.mayEnd.set('around', to)
        this.#goingOn.push({ open, boundary: inside.boundary.toLowerCase() })
      } else this.#end(open, to)
    }
    this.#open.length = kept
  }

  /** Ends all contents. */
  stop(to: number): void {
    for (const { open } of this.#goingOn.splice(0)) this.#end(open, to)
    for (const open of this.#open.splice(0)) this.#end(open, to)
  }

  #endGoingOn(boundary: string | undefined, to: number): void {
    if (this.#goingOn.length === 0 || boundary === undefined) return
    for (const content of this.#goingOn.splice(0)) {
      if (content.boundary === boundary.toLowerCase()) this.#end(content.open, to)
      else this.#goingOn.push(content)
    }
  }

  #end(open: OpenContent, to: number): void {
    const { kind, from, region, depth, isInHeader, mayEnd } = open
    if (kind === 'coded') {
      this.#listener.coded?.({ from, to })
      return
    }
    const header = region?.header ?? NO_HEADER
    const isOwnText = region === undefined || this.#isOwnText(region, depth)
    const encodings = [...new Set([...header.encodings, ...(region?.start.around ?? [])])]
    const isSeenByAll = region?.isSeenByAll ?? true
    const ends = { to, mayEnd: [...mayEnd.values()] }
    const facts = { header, encodings, depth, isSeenByAll, isOwnText, isInHeader }
    this.#listener.leaf?.({ from, ...ends, ...facts })
  }

  #isOwnText({ header, start }: HeaderRegion, depth: Depth | undefined): boolean {
    // A part without a type is a text, too (RFC 2045 5.2).
    const type = header.type === '' ? 'text/plain' : header.type
    const isFirst = !this.#textTypes.has(type)
    if (header.isText || header.type === '') this.#textTypes.add(type)
    const isBody = header.isText && !(type === 'text/plain' && header.hasDisposition)
    return isBody && isFirst && start.nests === 'sure' && depth?.messages === 0
  }
}

/** Returns the number of attached messages around a content; a huge number if it is not known. */
function messagesAround({ depth }: OpenContent): number {
  return depth?.messages ?? Number.MAX_SAFE_INTEGER
}
