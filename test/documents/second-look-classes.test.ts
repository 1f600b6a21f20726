import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hiddenClasses } from '../scan/second-look/classes.ts'

t.test('doc/second-look.md has the classes of mail that hide a file, in their order', async (t) => {
  const document = readFileSync(join(import.meta.dirname, '../../doc/second-look.md'), 'utf8')
  const rows = [...document.matchAll(/^\| (.*?) \| (-|found)(?= )/gm)]
  t.same(
    rows.map(([, name]) => name),
    hiddenClasses.map(({ name }) => name),
  )
  const seen = hiddenClasses.filter(({ seenByClamd }) => seenByClamd !== undefined)
  t.same(
    rows.flatMap(([, name, clamd]) => (clamd === 'found' ? [name] : [])),
    seen.map(({ name }) => name),
  )
})
