import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../needs.mjs'

const root = join(import.meta.dirname, '../..')
const script = join(root, 'packaging/builds/build-client.mjs')

/** Why programs in C cannot be tested here, or false. */
export const missing: string | false = lacks('C compiler')

/** The text of all files in C of a program, and of those that they share with others. */
export function textInC(source: string): string {
  const files = new Set<string>(filesInC(source))
  let text = ''
  // What is added meanwhile is visited, too.
  for (const file of files) {
    const more = readFileSync(file, 'latin1')
    for (const [, name] of more.matchAll(/^#include "(.*)"$/gm)) {
      const header = join(file, '..', name!)
      const body = header.replace(/h$/, 'c')
      for (const part of [header, body]) if (existsSync(part)) files.add(part)
    }
    text += more
  }
  return text
}

/** Returns the strings of a list in C. Throws if the text has no list of that name. */
export function listInC(text: string, name: string): string[] {
  const [, body] = new RegExp(`\\b${name}\\[\\] = \\{([^}]*)\\}`).exec(text) ?? []
  if (body === undefined) throw new Error(`${name}[]: is not in the source`)
  return [...body.matchAll(/"([^"]*)"/g)].map(([, word]) => word!)
}

/** The files in C of a directory. */
export function filesInC(source: string): string[] {
  return readdirSync(source)
    .filter((name) => /\.[ch]$/.test(name))
    .sort()
    .map((name) => join(source, name))
}

/**
 * Returns the path of a program in build/native, and compiles it if it is older than its source.
 */
export function build(name: string, source: string, ...flags: readonly string[]): string {
  const program = join(root, 'build/native', name)
  const made = existsSync(program) ? statSync(program).mtimeMs : 0
  const parts = [script, ...filesInC(source), ...filesInC(join(root, 'src/c'))]
  if (parts.some((part) => made <= statSync(part).mtimeMs)) {
    execFileSync(process.execPath, [script, ...flags])
  }
  return program
}
