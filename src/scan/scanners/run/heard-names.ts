import type { ContentPlace } from '../../../mail/mime/shared/work.ts'
import type { NamedPart } from '../../../plugin.ts'
import { readNames, spellings } from '../attachments/part-names.ts'

/** Most names of a message that are kept for scanners. */
const NAMES_MAX = 1000

/**
 * What mail programs see of the parts of one message: the names and types that `attachments` judges, too. It
 * listens to the reading, so that its work is the message's.
 */
export class HeardNames {
  /** Whether there were more names than are kept. */
  isCut = false
  readonly #byFields = new WeakMap<ContentPlace['fields'], NamedPart>()
  /** By what they say: several readings of a part mostly say the same. */
  readonly #parts = new Map<string, NamedPart>()
  #count = 0

  /** Each part that was heard of. */
  get all(): readonly NamedPart[] {
    return [...this.#parts.values()]
  }

  /** Takes a header, and yields the units of work that it has done. */
  *header(fields: ContentPlace['fields']): Generator<number> {
    const { names, types } = yield* readNames(fields)
    this.#byFields.set(fields, this.#keep([...names], [...new Set(types)]))
  }

  /** Takes the name of a file in uuencode, yEnc, a calendar, or another container. */
  *name(name: string): Generator<number> {
    const names = [...new Set(spellings(name))]
    yield name.length
    this.#keep(names, [])
  }

  /** What is said about a content where it stands. */
  of({ fields, names, containers }: ContentPlace): NamedPart {
    const said = this.#byFields.get(fields)
    const own = [...new Set(names.flatMap(spellings))]
    return {
      names: containers.length > 0 ? own : (said?.names ?? []),
      types: containers.length > 0 ? [] : (said?.types ?? []),
      containers,
    }
  }

  #keep(names: readonly string[], types: readonly string[]): NamedPart {
    const kept = names.slice(0, NAMES_MAX - this.#count)
    const part: NamedPart = { names: kept, types, containers: [] }
    this.isCut ||= kept.length < names.length
    const key = JSON.stringify([kept, types])
    if (this.#parts.has(key) || this.#parts.size >= NAMES_MAX) return part
    this.#count += kept.length
    this.#parts.set(key, part)
    return part
  }
}
