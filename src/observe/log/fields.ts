/** The most fields of a line that are read; our lines have some thirty. */
const FIELDS_MAX = 64

/** `key=value`, `key="a value in quotes"`, or a word that is not a field. An open quote is none of them. */
const WORD = / *(?:([^ =]*)=(?:"((?:[^"\\]|\\[\s\S])*)"|([^" ][^ ]*|)(?= |$))|[^ =]+(?= |$))/y

/** A field of a log line as it stands there, with its escapes. */
export interface WrittenField {
  readonly key: string
  /** Without quotes. */
  readonly value: string
  readonly isQuoted: boolean
}

/**
 * Yields the fields `key=value` of a line of the log, as onescan-log(5) has them, in latin1. A value
 * in quotes ends at the closing quote, whatever is in it. If the closing quote is missing, the line
 * was cut, and the rest is left out.
 */
export function* fieldsIn(text: string): Generator<WrittenField> {
  for (let at = 0, count = 0; count < FIELDS_MAX; at = WORD.lastIndex) {
    WORD.lastIndex = at // this expression is shared: whoever takes the fields may use it meanwhile
    const word = WORD.exec(text)
    if (word === null) return
    const [, key, quoted, plain] = word
    if (key === undefined) continue
    const end = WORD.lastIndex
    yield { key, value: quoted ?? plain!, isQuoted: quoted !== undefined }
    WORD.lastIndex = end
    count++
  }
}

/**
 * Returns the value of a field as it was before src/ground/errors/log.ts wrote it: without escapes,
 * and decoded as UTF-8, which addresses may be in (RFC 6531); other bytes stay latin1.
 */
export function loggedValue({ value, isQuoted }: WrittenField): string {
  const bytes = isQuoted ? unescapeValue(value) : value
  if (/^[\0-\x7f]*$/.test(bytes)) return bytes
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return bytes
  }
}

function unescapeValue(text: string): string {
  return text.replace(/\\(?:x([0-9a-f]{2})|([\s\S]))/g, (_, hex?: string, character?: string) =>
    hex === undefined ? character! : String.fromCharCode(Number.parseInt(hex, 16)),
  )
}
