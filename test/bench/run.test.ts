import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { clamdMissing } from '../programs/clamd.ts'
import { findProgram } from '../programs/install.mjs'
import { runScript } from './run-script.ts'

const skip = clamdMissing || (!findProgram('cc') && 'install Debian package gcc')

const bench = (words: readonly string[]) => runScript(join(import.meta.dirname, 'run.ts'), words)

t.test(
  'a quick run of two contestants writes a table, figures and a picture',
  { skip },
  async (t) => {
    const directory = mkdtempSync(join(tmpdir(), 'onescan-bench-out-'))
    t.teardown(() => rmSync(directory, { recursive: true, force: true }))
    const words = ['--quick', '--only', 'bare', '--only', 'floor', '--out', directory]
    const { code, out } = await bench(words)
    t.equal(code, 0, out)
    t.match(out, /clean mail, one at a time;.*\n.*4 KB.*100 KB.*5 MB\n {2}bare chain.*\n {2}floor/)
    t.match(out, /must reach/)

    const results = JSON.parse(readFileSync(join(directory, 'results.json'), 'utf8'))
    t.match(results.machine, { cores: Number, kernel: /^Linux / })
    const find = (contestant: string, size: string) =>
      results.figures.find(
        (figure: Record<string, unknown>) =>
          figure.contestant === contestant &&
          figure.size === size &&
          figure.kind === 'clean' &&
          figure.atOnce === 1,
      )
    for (const name of ['floor', 'bare']) t.ok(find(name, '4 KB').median > 0, name)
    t.ok(find('bare', '100 MB').median > find('bare', '5 MB').median)

    const picture = readFileSync(join(directory, 'results.svg'), 'utf8')
    t.match(picture, /^<svg .*<\/svg>\s*$/s)
    t.match(picture, />floor: minimal C, FILDES</)
  },
)

t.test('wrong options are reported, and nothing is measured', async (t) => {
  for (const words of [['--only', 'nobody'], ['--rounds', '0'], ['--fast']]) {
    const { code, out } = await bench(words)
    t.equal(code, 100)
    t.match(out, /^bench: .*usage: npm run bench/s)
  }
})
