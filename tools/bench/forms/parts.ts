import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { type ByteRange, Bytes } from '../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../src/mail/message/spool.ts'
import { LimitExceeded, limits } from '../../../src/mail/mime/budget/limits.ts'
import { Work } from '../../../src/mail/mime/budget/work.ts'
import { contentsOf } from '../../../src/mail/mime/contents.ts'
import { formOf, isExtracted } from '../../../src/mail/mime/covered/covered-parts.ts'
import { multipartForms, type PartForm } from '../../../src/mail/mime/covered/tried-forms.ts'
import { readStructure } from '../../../src/mail/mime/read-structure.ts'
import type { PartNames } from '../../../src/mail/mime/reports/part-names.ts'
import type { Leaf } from '../../../src/mail/mime/structure/leaf.ts'
import { STREAMED_MAX } from '../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import { TOP_LINE } from '../../../src/scanner/scan/scanners/contract/top-line.ts'

/** A part that scanners get with `SECONDLOOK=always`: its form, or why it has none. */
export type CountedPart = { readonly form: string } | { readonly without: string }

interface FoundPart {
  readonly isCovered: boolean
  readonly part: PartNames
}

const openFile = () => openAnonymousFile(tmpdir())

/** The parts of a mail, as scanners get them, in their order. */
export function partsOf(message: Buffer): CountedPart[] {
  const mail = Bytes.of(message)
  const isLarge = mail.size + TOP_LINE.length > STREAMED_MAX
  const reasons = new Reasons(mail)
  const parts: CountedPart[] = []
  let fresh: FoundPart[] = [] // of the leaf that is being decoded
  const settle = (leaf?: ByteRange) => {
    for (const { isCovered, part } of fresh) {
      const form = isCovered && reasons.formAt(leaf)
      if (isLarge) parts.push({ without: `in a message of more than ${STREAMED_MAX / 1024} KiB` })
      else if (form) parts.push({ form: nameOf(form) })
      else parts.push({ without: reasons.of(part, leaf, fresh) })
    }
    fresh = []
  }
  const options = { createHash, openFile, findsCovered: true, maxDepth: limits.nesting }
  for (const step of contentsOf(mail, { ...options, onPart: () => [], onEmitted: settle })) {
    if (step.kind === 'content')
      fresh.push({ isCovered: step.coveredBy !== undefined, part: step.part })
  }
  settle()
  return parts
}

/** A form in the words of the log and of `onescan check`. */
export function nameOf({ content, multiparts }: PartForm): string {
  return `${content}, ${multiparts || 'no multipart'}`
}

/** What one reading of a mail finds. */
interface Structure {
  readonly leaves: readonly Leaf[]
  /** Whether no client reads it in another way. */
  readonly isOne: boolean
}

/** Why parts of one mail have no form, as far as a look from outside shows it. */
class Reasons {
  readonly #mail: Bytes
  #structure: Structure | undefined

  constructor(mail: Bytes) {
    this.#mail = mail
  }

  /** Returns the form of the part in a range. */
  formAt(range: ByteRange | undefined): PartForm | undefined {
    const leaf = this.#leafAt(range)
    return leaf && formOf(leaf)
  }

  #leafAt(range: ByteRange | undefined): Leaf | undefined {
    this.#structure ??= structureOf(this.#mail)
    const { leaves } = this.#structure
    return range && leaves.find(({ from, to }) => from === range.from && to === range.to)
  }

  of(part: PartNames, range: ByteRange | undefined, ofLeaf: readonly FoundPart[]): string {
    if (part.containers.length > 0) return 'in a container, or in the lines of a text'
    if (part.types.some((type) => type.startsWith('message/'))) return 'an attached message'
    const leaf = this.#leafAt(range)
    if (!this.#structure!.isOne) return 'in a message that clients read in several ways'
    if (leaf === undefined) return 'decoded in several ways'
    if (!formOf(leaf)) {
      const isKnown = multipartForms.some((form) => form === leaf.depth.subtypes)
      return isKnown ? 'of another type or encoding' : 'in other multiparts'
    }
    const text = this.#mail.gather().toString('latin1')
    if (!lastOf(isExtracted(leaf, text, new Work(this.#mail, { openFile }))))
      return 'encoded oddly, or a text with a line of semicolons'
    if (ofLeaf.some(({ isCovered }) => isCovered))
      return 'a part that clients also save in another way'
    return 'in a message with a field or a line that libclamav may read in another way'
  }
}

function structureOf(mail: Bytes): Structure {
  try {
    const { leaves, ordinary } = lastOf(
      readStructure(mail.gather(), 0, new Work(mail, { openFile })),
    )
    return { leaves, isOne: ordinary !== undefined }
  } catch (error) {
    if (!(error instanceof LimitExceeded)) throw error
    return { leaves: [], isOne: false }
  }
}

function lastOf<Result>(steps: Generator<unknown, Result>): Result {
  let step = steps.next()
  while (!step.done) step = steps.next()
  return step.value
}
