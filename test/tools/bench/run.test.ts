import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { FORMS } from '../../../tools/bench/letters.ts'
import { runScript } from '../../../tools/bench/run-script.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../../programs/host/reachable.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'

const skip = clamdMissing || lacks('cc')

const bench = (words: readonly string[]) =>
  runScript(join(import.meta.dirname, '../../../tools/bench/run.ts'), words)

t.test('a quick run of two contestants writes a table and figures', { skip }, async (t) => {
  const directory = openDirectory(t)
  const words = ['--quick', '--only', 'bare', '--only', 'floor', '--out', directory]
  const { code, out } = await bench(words)
  t.equal(code, 0, out)
  for (const database of ['one signature', '520000 signatures']) {
    t.match(
      out,
      new RegExp(`clamd with ${database}:\n\n\\| ms, one .*\n.*\n\\| floor \\|.*\n\\| bare \\|`),
    )
  }

  const results = JSON.parse(readFileSync(join(directory, 'results.json'), 'utf8'))
  t.match(results.machine, { cores: Number, kernel: /^Linux / })
  t.equal(results.figures.length, 2 * 2 * FORMS.length)
  for (const { contestant, median, rate, processor } of results.figures) {
    t.ok(median > 0 && rate > 0 && processor.wrapper > 0)
    t.equal(processor.onescand, 0, `${contestant} asks no onescand`)
  }
})
