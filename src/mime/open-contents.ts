import type { Encoding } from './encodings.ts'
import type { HeaderRegion } from './header-region.ts'
import { OPEN_MAX, Over, PLACES_MAX } from './limits.ts'
import type { Depth } from './nesting.ts'
import { NO_HEADER, type PartHeader } from './part-header.ts'

/** A content that begins at one place and may end at several. Offsets are bytes of the message. */
export interface Leaf {
  readonly from: number
  /** Where the line begins that ends it for every reader that has not ended it before. */
  readonly to: number
  /** Where lines begin that end it for some. */
  readonly mayEnd: readonly number[]
  readonly header: PartHeader
  readonly encodings: readonly Encoding[]
  /** What stands around it; undefined for what only some look for at this place. */
  readonly depth: Depth | undefined
}

/** Encoded data that is known by its own looks, wherever it stands. */
export interface Coded {
  /** `base64 lines`: other lines stand among them. */
  readonly kind: 'base64' | 'base64 lines' | 'uuencode' | 'yenc'
  readonly from: number
  readonly to: number
}

/** A place where content may begin, whose end is not reached. */
interface Open {
  readonly kind: 'leaf' | 'uuencode' | 'yenc'
  readonly from: number
  readonly region: HeaderRegion | undefined
  readonly depth: Depth | undefined
  /** Of each way in which a line may be a delimiter, the first such line. */
  readonly mayEnd: Map<string, number>
}

export interface ContentListener {
  leaf?(leaf: Leaf): void
  coded?(coded: Coded): void
}

/** Contents that have begun and not ended. Each method throws Over where there are too many. */
export class OpenContents {
  readonly #listener: ContentListener
  readonly #open: Open[] = []
  #places = 0
  #hasText = false

  constructor(listener: ContentListener) {
    this.#listener = listener
  }

  get length(): number {
    return this.#open.length
  }

  /** Counts a place where something may begin or end. */
  count(): void {
    if (++this.#places > PLACES_MAX) throw new Over(`more than ${PLACES_MAX} places to look at`)
  }

  begin(open: Omit<Open, 'mayEnd'>): void {
    this.count()
    if (this.#open.length === OPEN_MAX) {
      throw new Over(`more than ${OPEN_MAX} contents that may have begun`)
    }
    this.#open.push({ ...open, mayEnd: new Map() })
  }

  /** They may end there, by a line that is a delimiter in one way. */
  mayEnd(way: string, at: number): void {
    for (const { mayEnd } of this.#open) if (!mayEnd.has(way)) mayEnd.set(way, at)
  }

  /** Ends what was begun last, but for the first `base`. */
  end(base: number, to: number): void {
    for (const open of this.#open.splice(base)) this.#end(open, to)
  }

  /** The same without what is known by its own looks: that goes on, for who sees no delimiter there. */
  endLeaves(base: number, to: number): void {
    for (const open of this.#open.splice(base)) {
      if (open.kind === 'leaf') this.#end(open, to)
      else this.#open.push(open)
    }
  }

  #end(open: Open, to: number): void {
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
   * Of several texts the first is that of the mail itself, where all readers see its header.
   * Others, and those of attached messages, are files to some.
   */
  #withOwnText({ header, start }: HeaderRegion, depth: Depth | undefined): PartHeader {
    if (!header.isText) return header
    const isOwn = !this.#hasText && start.nests === 'sure' && depth?.messages === 0
    this.#hasText = true
    return isOwn ? header : { ...header, isText: false }
  }
}
