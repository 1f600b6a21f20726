import { readFileSync, statSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { lowerCase } from '../../../message/envelope/address.ts'

/**
 * Looks a key up in a file. Throws an Error that names the file and the trouble if it cannot be
 * used.
 */
export type TableFile<Value> = (key: string) => Value | undefined

/** Milliseconds between two looks whether the file has changed. */
const FRESH = 1000

/**
 * Reads a file with the first question, and again after it has changed. If the new file cannot be
 * read or parsed, every question fails until it can: the old list could still have users who were
 * removed since.
 */
export function tableFile<Value>(
  path: string,
  parse: (text: string) => ReadonlyMap<string, Value>,
  uptime: () => number,
): TableFile<Value> {
  let state = ''
  let checked = Number.NEGATIVE_INFINITY
  let table: ReadonlyMap<string, Value> | undefined
  let trouble = ''

  function refresh(): void {
    checked = uptime()
    try {
      const { ino, size, mtimeMs } = statSync(path)
      const current = `${ino} ${size} ${mtimeMs}`
      if (current === state) return
      table = undefined
      table = parse(readFileSync(path, 'latin1'))
      state = current
      trouble = ''
    } catch (error) {
      table = undefined
      state = ''
      trouble = `${path}: ${errorText(error)}`
    }
  }

  return (key) => {
    if (uptime() - checked >= FRESH) refresh()
    if (!table) throw new Error(trouble)
    return table.get(key)
  }
}

/**
 * Parses lines `key: value`, and leaves out empty lines and lines that begin with `#`. Keys are
 * compared in lower case. Throws an Error that names the line if it is malformed or repeats a key.
 */
export function parseTable<Value>(
  text: string,
  read: (text: string) => Value | undefined,
): ReadonlyMap<string, Value> {
  const table = new Map<string, Value>()
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.replace(/^#.*/, '').trim()
    if (entry === '') continue
    const [, key, written] = /^([^:\s]+)\s*:\s*(.+)$/.exec(entry) ?? []
    const value = written === undefined ? undefined : read(written)
    if (key === undefined || value === undefined) {
      throw new Error(`line ${index + 1}: ${entry} is not understood`)
    }
    if (table.has(lowerCase(key))) throw new Error(`line ${index + 1}: ${key} comes twice`)
    table.set(lowerCase(key), value)
  }
  return table
}
