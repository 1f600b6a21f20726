/** One key and value of a log line; undefined and '' are left out. */
export type LogEntry = readonly [key: string, value: string | number | undefined]

/** Linux's PIPE_BUF: a write to a pipe of at most so many bytes is not mixed with another's. */
const LINE_MAX = 4096
/** Characters of one value: no header can push the rest out of the line. */
const VALUE_MAX = 400

/**
 * One logfmt line with its line end. Values are latin1. Characters that could end the line or forge
 * a key are escaped, so that whatever a client sends stays inside its value.
 */
export function logLine(entries: readonly LogEntry[]): Buffer {
  let line = 'onescan:'
  for (const [key, value] of entries) {
    if (value === undefined || value === '') continue
    const entry = ` ${key}=${quoted(String(value))}`
    if (line.length + entry.length + 1 <= LINE_MAX) line += entry
  }
  return Buffer.from(`${line}\n`, 'latin1')
}

function quoted(value: string): string {
  const text = value.length > VALUE_MAX ? `${value.slice(0, VALUE_MAX)}...` : value
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
