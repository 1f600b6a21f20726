import type { OrdinaryHeader } from '../ordinary/read-ordinary.ts'

/*
 * The grammar of headers that libclamav reads as all other programs do: its parseEmailFile, parseEmailBody,
 * messageAddArguments and rfc2231. It finds the field of a line by its exact name, and ignores all but three.
 */

/** In the header of a part it joins such a field, whatever its name, to the one below, if that has an equals sign. */
const OPEN_END = /;[ \t]*\r?\n(?![ \t])/
/** Without one of these fields it takes lines below the empty line for more fields. */
const OF_MAIL = /^(?:from|received|content-type):/im

/** A word (RFC 2045 5.1), without `*` and `%`, which it decodes in any parameter, and quotes. */
const WORD = '[\\w!#$&+.^`{|}~-]+'
/** A quoted value: without `;`, at which it ends the value, `\`, `*`, and bytes of eight bits, of which it clears one. */
const QUOTED = String.raw`"[ !#-)+-:<-\[\]-~]*"`
const FOLD = String.raw`(?:[ \t]|\r?\n[ \t])*`
/** Blanks around the equals sign belong neither to the name nor to the value. */
const PARAMETERS = `((?:[ \\t]*;${FOLD}${WORD}[ \\t]*=[ \\t]*(?:${WORD}|${QUOTED}))*)`
/** In the header of a message it does not see a semicolon at the end that has a blank behind it. */
const END = String.raw`(?:[ \t]*(?:;[ \t]+)?)\r?\n?$`
const PARAMETER = new RegExp(`(${WORD})[ \\t]*=[ \\t]*(?:${WORD}|${QUOTED})`, 'g')

/** The three fields that it reads. It guesses what an unknown type or encoding means. */
const VALUES: Readonly<Record<string, RegExp>> = {
  'content-type': new RegExp(
    `^${FOLD}(?:(?:text|application|image|audio|video)/${WORD}|message/rfc822|multipart/(?:mixed|alternative|related))${PARAMETERS}${END}`,
    'i',
  ),
  'content-transfer-encoding': new RegExp(
    `^${FOLD}(?:7bit|8bit|binary|base64|quoted-printable)[ \\t]*\\r?\\n?$`,
    'i',
  ),
  'content-disposition': new RegExp(`^${FOLD}(?:attachment|inline)${PARAMETERS}${END}`, 'i'),
}

/** It keeps parameters whose names begin like these, and finds a name by how the kept ones begin. */
const KEPT = /^(?:name|filename|boundary|protocol|id|number|total|type)/
const KNOWN: Readonly<Record<string, ReadonlySet<string>>> = {
  'content-type': new Set(['name', 'boundary', 'protocol', 'type']),
  'content-disposition': new Set(['filename']),
}

/** A boundary in which it finds no comment (RFC 2046 5.1.1, without parentheses and blanks). */
const BOUNDARY = /^[\w'+,./:=?-]+$/

/** Returns whether libclamav reads a header as all other programs do. `text` is the header, with its empty line. */
export function readsHeaderAlike(text: string, { header, isOfPart }: OrdinaryHeader): boolean {
  if (isOfPart ? text.length <= 2 || OPEN_END.test(text) : !OF_MAIL.test(text)) return false
  if (header.boundary !== undefined && !BOUNDARY.test(header.boundary)) return false
  const seen = new Set<string>()
  return header.fields.every(({ name, value }) => {
    const grammar = VALUES[name]
    if (grammar === undefined) return true
    const isFirst = !seen.has(name)
    seen.add(name)
    const found = grammar.exec(value)
    return isFirst && found !== null && !value.includes('=?') && areKnown(found[1] ?? '', name)
  })
}

/** Whether it finds each parameter that it keeps by its name, once. */
function areKnown(parameters: string, field: string): boolean {
  const names = new Set<string>()
  for (const [, written] of parameters.matchAll(PARAMETER)) {
    const name = written!.toLowerCase()
    if (names.has(name) || (KEPT.test(name) && !KNOWN[field]!.has(name))) return false
    names.add(name)
  }
  return true
}
