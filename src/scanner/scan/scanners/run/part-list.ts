import type { PartNames } from '../../../../mail/mime/index.ts'
import type { NamedPart } from '../../../plugin.ts'
import type { PartList } from '../contract/scanner.ts'

/** Upper limit for the names of one part that scanners receive, documented in onescan-plugin(7). */
const NAMES_OF_PART_MAX = 100
/** Upper limit for the names sent with the whole message. A part uses none that another part already has. */
const NAMES_MAX = 1000

/**
 * Collects the names and types of the parts of one message, as mail programs show them; `attachments` judges
 * the same ones. It observes the reading, so its work counts as the message's.
 */
export class PartListBuilder {
  /** By their data: several readings of a part mostly have the same. */
  readonly #parts = new Map<string, NamedPart>()
  #count = 0
  #isCut = false

  /** Each part that was read. */
  get all(): PartList {
    return { parts: [...this.#parts.values()], isCut: this.#isCut }
  }

  /** Takes the names of a part, and yields the units of work that it has done. */
  *part(names: PartNames): Generator<number> {
    const { parts, isCut } = partListOf(names)
    const [part] = parts
    const key = JSON.stringify(part)
    yield key.length
    this.#isCut ||= isCut
    if (this.#parts.has(key)) return
    this.#count += Math.max(1, part.names.length)
    if (this.#count > NAMES_MAX) this.#isCut = true
    else this.#parts.set(key, part)
  }
}

/** Returns the list with the data of one part. */
export function partListOf({ names, types, containers }: PartNames): OneInList {
  const part = { names: names.slice(0, NAMES_OF_PART_MAX), types, containers }
  return { parts: [part], isCut: names.length > NAMES_OF_PART_MAX }
}

type OneInList = PartList & { readonly parts: readonly [NamedPart] }
