import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hiddenClasses } from '../scan/scanners/second-look/classes.ts'

t.test(
  'doc/design.md says how many classes of mail hide a file, and what clamd finds',
  async (t) => {
    const page = readFileSync(join(import.meta.dirname, '../../doc/design.md'), 'utf8')
    const seen = hiddenClasses.filter(({ seenByClamd }) => seenByClamd !== undefined)
    t.match(page, `the ${hiddenClasses.length} classes of mail that hide a file`)
    t.match(page, new RegExp(`by itself finds the file in ${seen.length}, `))
  },
)
