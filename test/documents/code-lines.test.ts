import t from 'tap'
import { boxes, codeLines, linesOf, mostLines } from '../../tools/documents/code-lines.ts'

t.test('a line of code is no import, comment, blank line or closing bracket', async (t) => {
  const typeScript = `import type { A } from './a.ts'
import {
  b,
} from './b.ts'
export { c } from './c.ts'

/** A comment
 * of two lines. */
export const d = '' // counts
// does not count
export function f(a: A): string {
  return [
    b(a), /* counts */
  ].join(d)
}
`
  t.equal(codeLines(typeScript), 5)
  t.equal(
    codeLines(`#include <a.h>\n/*\n * one\n */\nint f(void)\n{\n\treturn 1; // counts\n}\n`),
    3,
  )
})

t.test('no box grows unless a commit says why', async (t) => {
  t.same(boxes, ['base', 'delay', 'mail', 'quota', 'scanner'])
  for (const box of boxes) {
    const lines = linesOf(box)
    t.ok(
      lines <= mostLines(box),
      `src/${box} has ${lines} lines of code, and its number in src/${box}/code-lines is ${mostLines(box)}: look for what the change makes unnecessary, or run "npm run code-lines" and state in the commit why the box grows`,
    )
  }
})
