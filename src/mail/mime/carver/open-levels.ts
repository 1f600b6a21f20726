import { limits } from '../budget/limits.ts'
import type { Work } from '../budget/work.ts'
import type { Cut } from '../structure/cuts.ts'
import { type Depth, inMessage, inMultipart, isMessageByDefault } from '../structure/leaf.ts'
import type { BodyStarts } from './body-starts.ts'

/** A multipart or message that is open. */
interface OpenLevel {
  /** The delimiter above the header that declares it, or undefined on top of the mail. */
  readonly below: string | undefined
  /** The depth inside of it. */
  readonly depth: Depth
  /** The delimiter of its parts, if all programs read the boundary of a multipart alike. */
  readonly delimiter: string | undefined
  hasParts: boolean
  isClosed: boolean
}

/**
 * The multiparts and messages that are open at a place of an odd mail, in the order of its lines. Each counts where a line
 * declares it. It ends at the next line that is written like the delimiter above that line, so parts side by side add no
 * depth, however a program reads them.
 */
export class OpenLevels {
  readonly #outer: Depth
  readonly #work: Work
  /** The number of attached messages found so far. */
  attached = 0
  readonly #open: OpenLevel[] = []
  /** The delimiter above the last place, and where the first body below it begins. */
  #below: string | undefined
  #bodyAt = 0

  constructor(outer: Depth, work: Work) {
    this.#outer = outer
    this.#work = work
  }

  get #depth(): Depth {
    return this.#open.at(-1)?.depth ?? this.#outer
  }

  /** Takes a line that begins like a delimiter. */
  takeCut({ at, text, closes }: Cut): void {
    const ended = this.#open.findIndex(({ below }) => below === text)
    if (ended >= 0) this.#open.length = ended
    this.#below = text
    const level = this.#open.at(-1)
    if (level?.delimiter !== text) return
    level.hasParts ||= !closes
    // Some programs skip the line among fields, and go on below another delimiter.
    level.isClosed = closes && level.hasParts && this.#bodyAt <= at
  }

  /** Takes the headers below that line, or on top of the mail. */
  takeHeaders({ starts, bodyAt, nested }: BodyStarts): void {
    this.#bodyAt = bodyAt
    for (const header of nested) {
      const outer = this.#depth
      if (!header.isMessage && !isMessageByDefault(header, outer)) break
      const isFile = header.isUnambiguous && !header.isMultipart && outer.multipart !== undefined
      this.#add(() => {
        this.attached++
        return inMessage(isFile ? 0 : outer.levels + 1, outer, this.#work)
      })
    }
    const multipart = starts.findLast(({ header }) => header.isMultipart)?.header
    if (multipart)
      this.#add(() => inMultipart(multipart, this.#depth, this.#work), multipart.boundary)
  }

  #add(deepen: () => Depth, boundary?: string): void {
    if (this.#depth.entities === limits.entities) return
    // Another message may follow the end of a multipart, as in a mailbox within a text.
    const { below } = this.#open.at(-1)?.isClosed ? this.#open.pop()! : { below: this.#below }
    const delimiter = boundary && `--${boundary}`
    this.#open.push({ below, depth: deepen(), delimiter, hasParts: false, isClosed: false })
  }
}
