import { readFileSync, statSync } from 'node:fs'
import { errorText } from '../../../ground/errors/fault.ts'
import { lowerCase } from '../../../message/envelope/address.ts'

/** Looks a key up in a file; throws an Error that names the file and what is wrong with it. */
export type TableFile<Value> = (key: string) => Value | undefined

/** Milliseconds for which a file is not asked whether it changed. */
const FRESH = 1000

/**
 * A file that is read when it is first asked for, and again when it has changed. Where the
 * new one cannot be read or understood, each question fails until it can: a user who was
 * struck off must not go on by yesterday's list.
 */
export function tableFile<Value>(
  path: string,
  parse: (text: string) => ReadonlyMap<string, Value>,
  uptime: () => number,
): TableFile<Value> {
  let state = ''
  let looked = Number.NEGATIVE_INFINITY
  let table: ReadonlyMap<string, Value> | undefined
  let trouble = ''

  function refresh(): void {
    looked = uptime()
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
    if (uptime() - looked >= FRESH) refresh()
    if (!table) throw new Error(trouble)
    return table.get(key)
  }
}

/**
 * Lines `key: value`; `#` comments and empty lines do not count. Keys are compared in lower
 * case. Throws an Error that names the line, also if a key comes twice.
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
