import type { Hash } from 'node:crypto'
import type { Bytes } from '../../message/bytes.ts'
import type { EmittedMail, Steps, Work } from '../budget/work.ts'
import { containerKinds, type Declared, isDeclaredAs } from '../containers/containers.ts'
import type { PartForm } from '../traits/part-forms.ts'
import type { PartNames } from '../traits/part-names.ts'

/** Contents of at most this many bytes are compared directly. A digest would take longer. */
const COMPARED_WHOLE_MAX = 256
/** The bytes of which a digest is made in the time of a unit of work. */
const DIGESTED_PER_UNIT = 2

/** The cost of a content in units of work, in addition to its bytes. */
const CONTENT_COST = 4096

/** The cost of a content that was emitted before. */
const SEEN_COST = 256

/** What holds for a position in a message, and for all that is found further inside. */
export interface Scope {
  /**
   * What a content is opened as. A `message` is one regardless of its first lines: by its type, its name, or in a
   * digest. A `text` begins like a mail among the lines of a header: the reading of the surrounding mail finds its
   * contents, however it is decoded. Whether a `file` is a message depends on its first lines.
   */
  readonly kind: 'message' | 'text' | 'file'
  /** What its header, or the line above it, declares it as. */
  readonly declared: Declared
  /** The form of a leaf part, if nothing in the structure of its mail is odd (plain-message.ts). */
  readonly form?: PartForm | undefined
  /** The attached mail whose parts have forms in it. */
  readonly around?: EmittedMail | undefined
  /** Its names, and the containers it was extracted from within its part. */
  readonly part: PartNames
  /** The number of messages around it (structure/depth.ts). */
  readonly messages: number
  /** The number of encoded messages and containers around it. */
  readonly depth: number
}

/** The properties of an emitted content. */
export interface EmitOptions {
  readonly isMail?: boolean
  /** Whether its bytes were counted when they were decoded. */
  readonly isCounted?: boolean
  /** The form of the part, if a scan of the whole may see exactly these bytes. */
  readonly form?: PartForm | undefined
}

/** Emits each content of a message once, and remembers in which ways it was opened. */
export class Emitter {
  readonly #work: Work
  readonly #createHash: (algorithm: string) => Hash
  /** The keys of the emitted contents, and the ways in which each was opened to its end. */
  readonly #opened = new Map<string, Set<string>>()
  #isTooDeep = false

  constructor(work: Work, createHash: (algorithm: string) => Hash) {
    this.#work = work
    this.#createHash = createHash
  }

  /** Returns the key by which a content is recognized: its digest, or the bytes of a small one. */
  *keyOf(content: Bytes): Steps<string> {
    if (content.size <= COMPARED_WHOLE_MAX) return `=${content.gather().toString('latin1')}`
    const hash = this.#createHash('sha256')
    for (const chunk of content.chunks()) {
      hash.update(chunk)
      yield* this.#work.countUnits(chunk.length / DIGESTED_PER_UNIT)
    }
    return hash.digest('binary')
  }

  /** Emits a content, unless it is empty or was emitted before. */
  *emit(content: Bytes, key: string, scope: Scope, options: EmitOptions): Steps {
    const { isMail = false, isCounted = false, form } = options
    const work = this.#work
    if (content.size === 0) return
    const id = isMail ? `mail ${key}` : key
    if (this.#opened.has(id)) return yield* work.countUnits(SEEN_COST)
    work.countContent()
    if (!isCounted) work.countBytes(content.size)
    this.#opened.set(id, new Set())
    yield {
      kind: 'content',
      bytes: content,
      isMail,
      form: scope.depth === 0 ? form : undefined,
      around: scope.around,
      part: scope.part,
    }
    yield* work.countUnits(CONTENT_COST + content.size)
  }

  /** Opens an emitted content, unless that was done in each of the ways of its scope before. */
  *openOnce(key: string, scope: Scope, opening: Steps): Steps {
    const opened = this.#opened.get(key)!
    const ways = waysIn(scope)
    if (ways.every((way) => opened.has(way))) return
    yield* opening
    for (const way of ways) opened.add(way)
  }

  /** Emits, once, that the message is nested deeper than is read. */
  *emitDeeper(): Steps {
    if (this.#isTooDeep) return
    this.#isTooDeep = true
    yield { kind: 'deeper' }
  }
}

/** Returns the ways in which a content is opened in a scope: as a file, and as what it is declared as. */
function waysIn(scope: Scope): readonly string[] {
  const declared = containerKinds.filter((container) => isDeclaredAs(container, scope.declared))
  const containers = declared.map(({ kind }) => kind)
  return ['file', ...(scope.kind === 'message' ? ['message'] : []), ...containers]
}
