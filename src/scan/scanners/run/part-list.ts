import type { ContentMetadata } from '../../../mail/mime/budget/work.ts'
import type { NamedPart } from '../../../plugin.ts'
import { readNames, spellings } from '../attachments/part-names.ts'
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
  readonly #byFields = new WeakMap<ContentMetadata['fields'], PartList>()
  /** By their data: several readings of a part mostly have the same. */
  readonly #parts = new Map<string, NamedPart>()
  #count = 0
  #isCut = false

  /** Each part that was read. */
  get all(): PartList {
    return { parts: [...this.#parts.values()], isCut: this.#isCut }
  }

  /** Takes a header, and yields the units of work that it has done. */
  *header(fields: ContentMetadata['fields']): Generator<number> {
    const { names, types } = yield* readNames(fields)
    const partList = listOf(names, types)
    this.#byFields.set(fields, partList)
    yield* this.#keep(partList)
  }

  /** Takes the name of a file in uuencode, yEnc, a calendar, or another container. */
  *name(name: string): Generator<number> {
    yield* this.#keep(listOf(spellings(name)))
  }

  /** Returns the data of a content at its position in the message. */
  of({ fields, names, containers }: ContentMetadata): PartList {
    if (containers.length > 0) return listOf(names.flatMap(spellings), [], containers)
    return this.#byFields.get(fields) ?? listOf([])
  }

  *#keep({ parts: [part], isCut }: PartList): Generator<number> {
    const { names, types } = part!
    const key = JSON.stringify([names, types])
    yield key.length
    this.#isCut ||= isCut
    if (this.#parts.has(key)) return
    this.#count += Math.max(1, names.length)
    if (this.#count > NAMES_MAX) this.#isCut = true
    else this.#parts.set(key, part!)
  }
}

/** Returns the list with the data of one part. */
function listOf(
  names: Iterable<string>,
  types: readonly string[] = [],
  containers: readonly string[] = [],
): PartList {
  const all = [...new Set(names)]
  const part = { names: all.slice(0, NAMES_OF_PART_MAX), types: [...new Set(types)], containers }
  return { parts: [part], isCut: all.length > NAMES_OF_PART_MAX }
}
