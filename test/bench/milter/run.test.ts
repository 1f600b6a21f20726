import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { clamavMilterMissing } from '../../programs/clamav-milter.ts'
import { clamdMissing } from '../../programs/clamd.ts'
import { findProgram } from '../../programs/install.mjs'
import { postfixMissing } from '../../programs/postfix.ts'
import { runScript } from '../run-script.ts'

const skip =
  clamdMissing ||
  postfixMissing ||
  clamavMilterMissing ||
  (!findProgram('cc') && 'install Debian package gcc')

const bench = (words: readonly string[]) => runScript(join(import.meta.dirname, 'run.ts'), words)

t.test('a quick run without onescan writes tables and figures', { skip }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-bench-out-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const only = ['--only', 'none', '--only', 'clamav-milter']
  const { code, out } = await bench(['--quick', ...only, '--out', directory])
  t.equal(code, 0, out)
  t.match(out, /clean mail by smtp-source.*\n.*4 KB.*100 KB\n {2}no milter.*\n {2}clamav-milter/)
  const { figures } = JSON.parse(readFileSync(join(directory, 'milter.json'), 'utf8'))
  t.equal(figures.length, 8, 'two contestants, two kinds of mail, two sizes')
  for (const { rates } of figures) t.ok(rates[0] > 0)
})

t.test('wrong options are reported, and nothing is measured', async (t) => {
  const { code, out } = await bench(['--only', 'nobody'])
  t.equal(code, 100)
  t.match(out, /^bench: --only nobody.*usage: npm run bench:milter/s)
})
