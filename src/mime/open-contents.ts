import type { Encoding } from './encodings.ts'
import type { HeaderRegion } from './header-region.ts'
import { LimitExceeded, OPEN_MAX, PLACES_MAX } from './limits.ts'
import type { Multipart } from './multiparts.ts'
import type { Depth } from './nesting.ts'
import { NO_HEADER, type PartHeader } from './part-header.ts'

/** A content that begins at one place and may end at several. Places are offsets in the message. */
export interface Leaf {
  readonly from: number
  /** Where the line begins that ends it for all readers. */
  readonly to: number
  /** Where lines begin that end it earlier for some readers. */
  readonly mayEnd: readonly number[]
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
  /** Its depth; undefined if only some readers look for a content here. */
  readonly depth: Depth | undefined
}

/** Encoded data that is recognised by its looks, wherever it stands. */
export interface CodedData {
  /** `base64 lines`: other lines stand between the lines of base64. */
  readonly kind: 'base64' | 'base64 lines' | 'uuencode' | 'yenc'
  readonly from: number
  readonly to: number
}

/** A place where content may have begun, and whose end is not reached. */
interface OpenContent {
  readonly kind: 'leaf' | 'uuencode' | 'yenc'
  readonly from: number
  readonly region: HeaderRegion | undefined
  readonly depth: Depth | undefined
  /** For each way in which a line may be a delimiter, the first such line. */
  readonly mayEnd: Map<string, number>
}

/** What does not end at a delimiter, for some readers. */
export interface DelimiterExceptions {
  /** Data recognised by its looks, which is not over. */
  readonly coded: boolean
  /** What was begun in this multipart inside, which is still open. */
  readonly inside: Multipart | undefined
}

export interface ContentListener {
  leaf?(leaf: Leaf): void
  coded?(coded: CodedData): void
}

/** Contents that have begun and not ended. Each method throws Over if there are too many. */
export class OpenContents {
  readonly #listener: ContentListener
  readonly #open: OpenContent[] = []
  /** Contents that, for some readers, only a delimiter with this boundary ends. */
  readonly #goingOn: { readonly open: OpenContent; readonly boundary: string }[] = []
  #places = 0
  #hasText = false

  constructor(listener: ContentListener) {
    this.#listener = listener
  }

  get length(): number {
    return this.#open.length
  }

  /** Whether some of them are data recognised by its looks. */
  get hasCoded(): boolean {
    return this.#open.some(({ kind }) => kind !== 'leaf')
  }

  /** Counts a place where something may begin or end. */
  count(): void {
    if (++this.#places > PLACES_MAX)
      throw new LimitExceeded(`more than ${PLACES_MAX} places to look at`)
  }

  begin(open: Omit<OpenContent, 'mayEnd'>): void {
    this.count()
    if (this.#open.length === OPEN_MAX) {
      throw new LimitExceeded(`more than ${OPEN_MAX} contents that may have begun`)
    }
    this.#open.push({ ...open, mayEnd: new Map() })
  }

  /**
   * All open contents may end at this place, for readers that take lines of this kind for a
   * delimiter. `boundary` is the one that the line begins with.
   */
  mayEnd(way: string, at: number, boundary: string | undefined): void {
    this.#endGoingOn(boundary, at)
    for (const { mayEnd } of this.#open) if (!mayEnd.has(way)) mayEnd.set(way, at)
  }

  /** Ends the contents of a multipart at its delimiter, but for those that go on for some reader. */
  end({ base, boundary }: Multipart, to: number, { coded, inside }: DelimiterExceptions): void {
    this.#endGoingOn(boundary, to)
    // A reader for which a content goes on sees no others behind it. It may not see attached messages.
    const messages = Math.min(...this.#goingOn.map(({ open }) => messagesAround(open)))
    let kept = Math.min(base, this.#open.length)
    for (let at = kept; at < this.#open.length; at++) {
      const open = this.#open[at]!
      if (open.kind !== 'leaf') {
        if (coded) this.#open[kept++] = open
        else this.#end(open, to)
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
    const going = this.#goingOn.splice(0)
    for (const one of going) {
      if (one.boundary === boundary.toLowerCase()) this.#end(one.open, to)
      else this.#goingOn.push(one)
    }
  }

  #end(open: OpenContent, to: number): void {
    const { kind, from, region, depth, mayEnd } = open
    if (kind !== 'leaf') {
      this.#listener.coded?.({ kind, from, to })
      return
    }
    const header = region ? this.#withOwnText(region, depth) : NO_HEADER
    const encodings = [...new Set([...header.encodings, ...(region?.start.around ?? [])])]
    this.#listener.leaf?.({ from, to, mayEnd: [...mayEnd.values()], header, encodings, depth })
  }

  /**
   * The first text is the mail's own if all readers see its header. Other texts, and those of
   * attached messages, are files to some readers.
   */
  #withOwnText({ header, start }: HeaderRegion, depth: Depth | undefined): PartHeader {
    if (!header.isText) return header
    const isOwn = !this.#hasText && start.nests === 'sure' && depth?.messages === 0
    this.#hasText = true
    return isOwn ? header : { ...header, isText: false }
  }
}

/** How many attached messages are around it; many, where it is not known. */
function messagesAround({ depth }: OpenContent): number {
  return depth?.messages ?? Number.MAX_SAFE_INTEGER
}
