/** One `name=value` of a Content-Type or Content-Disposition field. */
export interface Parameter {
  /** In lower case. */
  readonly name: string
  /** The value as it stands. */
  readonly raw: string
}

interface ParametrisedValue {
  /** The text before the first `;`. */
  readonly head: string
  readonly parameters: readonly Parameter[]
}

/**
 * Splits the value of a field at its semicolons (RFC 2045 5.1). A semicolon inside quotes does not
 * count, unless `quotes` is false: some readers of mail ignore quotes.
 */
export function splitParameters(value: string, quotes = true): ParametrisedValue {
  const pieces: string[] = []
  let from = 0
  let inQuotes = false
  for (let at = 0; at < value.length; at++) {
    const character = value[at]
    if (quotes && inQuotes && character === '\\') at++
    else if (quotes && character === '"') inQuotes = !inQuotes
    else if (!inQuotes && character === ';') {
      pieces.push(value.slice(from, at))
      from = at + 1
    }
  }
  pieces.push(value.slice(from))

  const [head = '', ...rest] = pieces
  const parameters = rest.flatMap((piece) => {
    const equals = piece.indexOf('=')
    if (equals < 0) return []
    return [{ name: piece.slice(0, equals).trim().toLowerCase(), raw: piece.slice(equals + 1) }]
  })
  return { head: head.trim(), parameters }
}

/** Takes out comments (RFC 822 3.4.3: nested parentheses outside quotes). */
export function withoutComments(value: string): string {
  if (!value.includes('(')) return value
  let kept = ''
  let depth = 0
  let inQuotes = false
  for (let at = 0; at < value.length; at++) {
    const character = value[at]!
    if (character === '\\') {
      if (depth === 0) kept += value.slice(at, at + 2)
      at++
      continue
    }
    if (depth === 0 && character === '"') inQuotes = !inQuotes
    if (!inQuotes && character === '(') depth++
    if (depth === 0) kept += character
    if (!inQuotes && character === ')' && depth > 0) depth--
  }
  return kept
}

/** Returns the value as RFC 2045 has it: the first quoted string without its quotes and escapes, or a token. */
export function strictValue(raw: string): string {
  const text = raw.trim()
  const quoted = /^"([^"\\]*(?:\\.[^"\\]*)*)"/s.exec(text)
  return quoted ? withoutEscapes(quoted[1]!) : /^[^\s"();]*/.exec(text)![0]
}

/**
 * Returns every reading of a value by a reader of mail: writers forget quotes, put blanks or more text
 * after them, and escape nothing in `C:\path\file`.
 */
export function readings(raw: string): string[] {
  const text = raw.trim()
  const inQuotes = /"([^"]*)"?/.exec(text)?.[1] ?? ''
  return [
    text.replaceAll('"', ''),
    strictValue(text),
    withoutEscapes(text).replaceAll('"', ''),
    inQuotes,
    /^[^\s]*/.exec(text)![0],
  ].filter((reading, at, all) => reading !== '' && all.indexOf(reading) === at)
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(.)/gs, '$1')
}
