import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** How large each box may be: `src/BOX/code-lines` has the number, and only a commit that says why may raise it. */

const src = join(import.meta.dirname, '../../src')

/** The boxes of `src/`, each with a README. */
export const boxes: readonly string[] = globSync('*/README.md', { cwd: src })
  .map((path) => path.slice(0, path.indexOf('/')))
  .sort()

/** Lines of TypeScript or C without imports, comments, blank lines, and lines of closing brackets alone. */
export function codeLines(text: string): number {
  const code = text
    .replaceAll(/^[ \t]*\/\*.*?\*\/[ \t]*$/gms, '')
    .replaceAll(/^(?:import|export)\b[^=(]*?'[^'\n]*'(?: with .*)?$/gm, '')
  return code.split('\n').filter((line) => !/^\s*(?:\/\/.*|#include .*)?$|^[\s\])}>;,]+$/.test(line)).length // biome-ignore format: a line
}

export const linesOf = (box: string): number =>
  globSync('**/*.{ts,c,h}', { cwd: join(src, box) })
    .map((path) => codeLines(readFileSync(join(src, box, path), 'utf8')))
    .reduce((sum, lines) => sum + lines, 0)

export const fileOf = (box: string): string => join(src, box, 'code-lines')

/** The number in the file of a box, or the least one: a merge keeps those of both sides (.gitattributes), until they are counted again. */
export const mostLines = (box: string): number =>
  Math.min(...readFileSync(fileOf(box), 'utf8').trim().split('\n').map(Number))
