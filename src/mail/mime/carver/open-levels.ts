import { limits } from '../budget/limits.ts'
import { type Depth, type DepthMeter, isMessageByDefault } from '../structure/leaf.ts'
import type { BodyStarts } from './body-starts.ts'
import type { Cut } from './cuts.ts'

/** A multipart or message that is open. */
interface OpenLevel {
  /** The delimiter above the header that declares it, or undefined on top of the mail. */
  readonly below: string | undefined
  /** The depth inside of it. */
  readonly depth: Depth
  /** The boundaries that its header names. */
  readonly announced: ReadonlySet<string>
  delimiter: string | undefined
  isClosed: boolean
}

/**
 * The multiparts and messages that are open at a place of an odd mail, in the order of its lines. Each counts where a line
 * declares it. It ends at the next line that is written like the delimiter above that line, so parts side by side add no
 * depth, however a program reads them.
 */
export class OpenLevels {
  readonly #outer: Depth
  readonly #meter: DepthMeter
  readonly #open: OpenLevel[] = []
  /** The delimiter above the last place, and where the first body below it begins. */
  #below: string | undefined
  #bodyAt = 0

  constructor(outer: Depth, meter: DepthMeter) {
    this.#outer = outer
    this.#meter = meter
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
    if (level === undefined) return
    const isAnnounced = !closes && level.announced.has(text.slice('--'.length))
    if (level.delimiter === undefined && isAnnounced) level.delimiter = text
    // Some programs skip the line among fields, and go on below another delimiter.
    if (level.delimiter === text) level.isClosed = closes && this.#bodyAt <= at
  }

  /** Takes the headers below that line, or on top of the mail. */
  takeHeaders({ starts, bodyAt, nested }: BodyStarts): void {
    this.#bodyAt = bodyAt
    for (const header of nested) {
      const outer = this.#depth
      if (!header.isMessage && !isMessageByDefault(header, outer)) break
      const isFile = header.isUnambiguous && !header.isMultipart && outer.multipart !== undefined
      this.#add(() => this.#meter.inMessage(isFile ? 0 : outer.levels + 1, outer))
    }
    const multipart = starts.findLast(({ header }) => header.isMultipart)
    if (multipart)
      this.#add(
        () => this.#meter.inMultipart(multipart.header, this.#depth),
        boundariesIn(multipart.text),
      )
  }

  #add(deepen: () => Depth, announced: ReadonlySet<string> = new Set()): void {
    if (this.#depth.entities === limits.entities) return
    // Another message may follow the end of a multipart, as in a mailbox within a text.
    const { below } = this.#open.at(-1)?.isClosed ? this.#open.pop()! : { below: this.#below }
    this.#open.push({ below, depth: deepen(), announced, delimiter: undefined, isClosed: false })
  }
}

/** A boundary in a header, in quotes or without. */
const BOUNDARY = /boundary[^;=]{0,40}=\s{0,40}(?:"([^"]*)"|'([^']*)'|([^\s;"']+))/gi

/** Returns the boundaries that a header names. */
function boundariesIn(header: string): ReadonlySet<string> {
  return new Set([...header.matchAll(BOUNDARY)].map((found) => found.slice(1).join('')))
}
