/** A key and its value in a log line. A field whose value is undefined or '' is omitted. */
export type LogField = readonly [key: string, value: string | number | undefined]

/**
 * Linux's PIPE_BUF: lines of at most that many bytes, which two processes write to a pipe, do not
 * mix.
 */
const LOG_LINE_MAX = 4096
/** Characters of one value, so that no long header pushes the other values out of the line. */
export const LOG_VALUE_MAX = 400

/**
 * Returns a logfmt line with its line end. Values are latin1. Escapes the characters that could end the line
 * or forge a key, so that any value of a client stays inside its field.
 */
export function logLine(fields: readonly LogField[]): Buffer {
  let line = 'onescan:'
  for (const [key, value] of fields) {
    if (value === undefined || value === '') continue
    const field = ` ${key}=${quoted(String(value))}`
    if (line.length + field.length + 1 <= LOG_LINE_MAX) line += field
  }
  return Buffer.from(`${line}\n`, 'latin1')
}

function quoted(value: string): string {
  const text = value.length > LOG_VALUE_MAX ? `${value.slice(0, LOG_VALUE_MAX)}...` : value
  if (/^[!#-<>-[\]-~]+$/.test(text)) return text
  const safe = text.replace(/[^ !#-[\]-~]/g, escaped)
  return `"${safe}"`
}

function escaped(character: string): string {
  if (character === '"' || character === '\\') return `\\${character}`
  const bytes =
    character.charCodeAt(0) < 256 ? Buffer.from(character, 'latin1') : Buffer.from(character)
  return [...bytes].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}

/**
 * Replaces all characters but printable ASCII by `?`, so that the text can forge no line of a log
 * and move no cursor.
 */
export function replaceUnprintable(text: string): string {
  return text.replace(/[^ -~]/gu, '?')
}

/** Milliseconds before the log reports the same trouble again. */
const AGAIN_AFTER = 60_000

/**
 * Returns a function that passes lines to `log`: each at most once a minute, and no more than `most` different ones in
 * that time. By default that is the first line alone, for trouble that each of many clients would report again.
 * `about` is passed on with a line. Lines that differ only in `about` count as the same line.
 */
export function onceAMinute<About extends unknown[]>(
  log: (line: string, ...about: About) => void,
  most = 1,
): (line: string, ...about: About) => void {
  const logged = new Set<string>()
  return (line, ...about) => {
    if (logged.has(line) || logged.size >= most) return
    if (logged.size === 0) setTimeout(() => logged.clear(), AGAIN_AFTER).unref()
    logged.add(line)
    log(line, ...about)
  }
}
