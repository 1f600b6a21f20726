import type { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { transferEncodings } from '../headers/encodings.ts'
import type { DeclaredAs } from '../headers/part-header.ts'
import { isCarved, isMessageByDefault, type Leaf } from '../structure/leaf.ts'

/*
 * What a content is declared as, and thus opened as, whatever its first bytes are. It holds for all that is found further
 * inside, unless one of these rules changes it.
 */

type Declared = ReadonlySet<DeclaredAs>

/** A file in BinHex: no header describes it. */
export const NOT_DECLARED: Declared = new Set()

/** Returns a declaration without one thing: a named file in a container is not declared as the container. */
export function declaredWithout(declared: Declared, thing: DeclaredAs | undefined): Declared {
  return new Set([...declared].filter((as) => as !== thing))
}

/** Returns a declaration with `message` replaced by `text`. */
export function asText(declared: Declared): Declared {
  return new Set(declaredWithout(declared, 'message')).add('text')
}

/** The bytes that show whether a body is in base64: its first line. */
const BASE64_LINE_MAX = 1000

/** Returns what a leaf part is declared as. */
export function* declaredOfLeaf(leaf: Leaf, part: Bytes, work: Work): Steps<Declared> {
  const { header, depth, encodings } = leaf
  const declared = new Set(header.declared)
  if (depth.multipart?.declared.has('encrypted')) declared.add('openpgp')
  if (header.isMessage || isMessageByDefault(header, depth)) declared.add('message')
  if (!isCarved(leaf)) return declared
  // What is inside of a carved text is carved from the same mail.
  if (encodings[0] === 'identity') return asText(declared)
  // Base64 hides the parts of a multipart from the carver: they are found like those of a message.
  const { looks } = transferEncodings.base64
  if (!header.isMultipart || !encodings.includes('base64')) return declared
  const isHidden = looks?.test(yield* work.front(part, BASE64_LINE_MAX))
  return isHidden ? declared.add('message') : declared
}

/** Upper limit for the bytes examined of the line above armour. */
const LABEL_MAX = 128

/** Returns what the line that ends at `to` declares the following armour as. */
export function* declaredAbove(source: Bytes, to: number, work: Work): Steps<Declared> {
  const above = yield* work.gather(source.slice(Math.max(0, to - LABEL_MAX), to))
  const line = (yield* work.text(above))
    .trimEnd()
    .split(/[\r\n]/)
    .at(-1)!
  const [, label = ''] = /-----begin ([a-z#]+)/i.exec(line) ?? []
  if (/^pgp$/i.test(label)) return new Set(['openpgp'])
  return /^(?:pkcs|cms|smime)/i.test(label) ? new Set(['smime']) : NOT_DECLARED
}
