import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NATIVE } from '../../../tools/bench/contestants.ts'
import { runScript } from '../../../tools/bench/run-script.ts'
import { lacks } from '../../needs.mjs'
import { clamdMissing } from '../../programs/servers/clamd.ts'

const skip =
  clamdMissing ||
  lacks('cc') ||
  (!existsSync(join(NATIVE, 'onescand')) && 'run npm run build:native')

const script = join(import.meta.dirname, '../../../tools/bench/clamd/run.ts')

t.test('letters have a row with their times over those of clamd', { skip }, async (t) => {
  const words = ['--quick', '--rounds', '1', '--programs', NATIVE]
  const { code, out } = await runScript(script, words)
  t.equal(code, 0, out)
  const number = '[\\d.]+'
  const ratio = `${number} \\(${number} to ${number}\\)`
  for (const name of ['4 KB text', '100 KB file', '100 KB file, 8 at a time', '5 MB file']) {
    const row = `^\\| ${name} \\| ${number} \\| ${number} \\| ${ratio} \\|`
    t.match(out, new RegExp(row, 'm'))
  }
})
