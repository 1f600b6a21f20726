import { decodeWords } from '../message/encoded-words.ts'
import { BOUNDARY_MAX, LimitExceeded } from './limits.ts'

/**
 * All forms in which some reader understands the `boundary` parameters of a header, in lower case:
 * with and without quotes, escapes, folds, comments, encoded words and the sections of RFC 2231.
 * Linear in the header's length.
 */
export function readBoundaries(header: string): string[] {
  if (!/boundary/i.test(header)) return []
  const found = new Set<string>()
  const text = header.replace(/[\0\v\f]/g, '')
  addBoundaries(text, found)
  if (text.includes('=?')) addBoundaries(decodeWords(text), found)
  return [...found]
}

function addBoundaries(text: string, found: Set<string>): void {
  const add = (reading: string) => {
    const boundary = reading.trim().toLowerCase()
    if (boundary.length > BOUNDARY_MAX) {
      throw new LimitExceeded(`a boundary of more than ${BOUNDARY_MAX} bytes`)
    }
    if (boundary !== '') found.add(boundary)
  }
  let joined = ''
  for (const { value, isSection } of parametersIn(text)) {
    for (const reading of readingsOf(value)) add(reading)
    if (!isSection) continue
    const plain = percentDecoded(quotedOrToken(value).replace(/^[^']*'[^']*'/, ''))
    add(plain)
    joined += plain
    add(joined)
  }
}

interface BoundaryParameter {
  /** All that follows the `=`; the value may end sooner. */
  readonly value: string
  /** RFC 2231: `boundary*=`, `boundary*0*=`. */
  readonly isSection: boolean
}

function* parametersIn(text: string): Generator<BoundaryParameter> {
  const words = /boundary/gi
  for (let word = words.exec(text); word; word = words.exec(text)) {
    let at = skipBlanks(text, words.lastIndex)
    const isSection = text[at] === '*'
    if (isSection) at = skipBlanks(text, skip(text, at, '*0123456789'))
    if (text[at] !== '=') continue
    at = skipBlanks(text, at + 1)
    yield { value: text.slice(at, endOfValue(text, at)), isSection }
  }
}

/** Where a value has ended for every reader: behind its line, or behind its closing quote. */
function endOfValue(text: string, from: number): number {
  const most = Math.min(text.length, from + 2 * BOUNDARY_MAX)
  let end = text[from] === '"' ? text.indexOf('"', from + 1) + 1 : from
  while (end > from + 1 && text[end - 2] === '\\' && end < most) end = text.indexOf('"', end) + 1
  if (end <= 0) return most
  for (; end < most; end++) if (text[end] === '\n') return end
  return most
}

function readingsOf(value: string): string[] {
  const quoted = /^"((?:[^"\\]|\\[\s\S])*)/.exec(value)?.[1]
  const token = /^[^\s;]*/.exec(value)![0]
  const line = /^[^;\r\n]*/.exec(value)![0]
  const raw = quoted ?? token
  return [
    raw.replace(/\\([\s\S])/g, '$1').replace(/\r?\n[ \t]?/g, ''),
    raw,
    raw.replace(/\s+/g, ' '),
    /^"?([^"\r\n]*)/.exec(quoted === undefined ? token : value)![1]!,
    token.replace(/["'<>]/g, ''),
    (quoted ?? token).replace(/\([\s\S]*$/, ''),
    line.replace(/["']/g, ''),
  ]
}

function quotedOrToken(value: string): string {
  return /^"((?:[^"\\]|\\[\s\S])*)/.exec(value)?.[1] ?? /^[^\s;]*/.exec(value)![0]
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
}

function skip(text: string, from: number, characters: string): number {
  let at = from
  while (at < text.length && characters.includes(text[at]!)) at++
  return at
}

function skipBlanks(text: string, from: number): number {
  return skip(text, from, ' \t\r\n')
}
