import { writeFileSync } from 'node:fs'
import { boxes, fileOf, linesOf } from './code-lines.ts'

/** Writes how many lines of code each box has: `npm run code-lines`. */

for (const box of boxes) writeFileSync(fileOf(box), `${linesOf(box)}\n`)
