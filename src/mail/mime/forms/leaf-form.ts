import type { Encoding } from '../headers/encodings.ts'
import { transferEncodings } from '../leaves/transfer-encodings.ts'
import type { Leaf } from '../structure/leaf.ts'
import { contentForms, multipartForms, type PartForm } from '../traits/part-forms.ts'
import { isEncodedPlainly } from './libclamav-encodings.ts'
import { changesText } from './libclamav-texts.ts'

/** The types of files, up to the slash. What libclamav makes of a text that is none depends on more. */
const FILE_TYPES = /^(?:application|audio|image|video)\//
/** The words for how a part is shown (RFC 2183 2.1, 2.2). */
const DISPOSITION = /^[ \t]*(?:attachment|inline)[ \t]*(?:;|\r?\n?$)/i

/**
 * Returns the form of a leaf of a plain message (plain-message.ts) with this text, or undefined if it has none of
 * traits/part-forms.ts, or libclamav gets other bytes.
 */
export function formOfLeaf(leaf: Leaf, text: string): PartForm | undefined {
  const [encoding] = leaf.encodings
  const form = placedFormOf(leaf, encoding!)
  if (form === undefined || !isEncodedPlainly(text, encoding!)) return undefined
  if (transferEncodings[encoding!].encodes === 'bytes') return form
  return changesText(text) ? undefined : form
}

function placedFormOf(leaf: Leaf, encoding: Encoding): PartForm | undefined {
  const multiparts = multipartForms.find((form) => form === leaf.depth.subtypes)
  if (multiparts === undefined) return undefined
  const type = typeInForms(leaf)
  const content = contentForms.find((form) => form === `${type} ${encoding}`)
  return content && { content, multiparts }
}

/** Returns the type by which forms name the content of a leaf: that of a text, or `file`. */
function typeInForms({ header, isOwnText }: Leaf): string | undefined {
  if (header.text !== 'file') return isOwnText ? header.type : undefined
  if (!FILE_TYPES.test(header.type) || header.hints.has('mail')) return undefined
  const dispositions = header.fields.filter(({ name }) => name === 'content-disposition')
  return dispositions.every(({ value }) => DISPOSITION.test(value)) ? 'file' : undefined
}
