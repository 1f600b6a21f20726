import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NATIVE } from '../../../tools/bench/contestants.ts'
import { peersWith } from '../../../tools/bench/peers/peers.ts'
import { runScript } from '../../../tools/bench/run-script.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'

const skip = clamdMissing || (!existsSync(join(NATIVE, 'onescand')) && 'run npm run build:native')

t.test('each filter that is there takes each mail, and has a row', { skip }, async (t) => {
  const folder = join(openDirectory(t), 'folder')
  mkdirSync(folder)
  for (const name of ['a', 'b']) {
    writeFileSync(join(folder, name), `From: ann@example.org\nSubject: ${name}\n\n${name}\n`)
  }
  const script = join(import.meta.dirname, '../../../tools/bench/peers/run.ts')
  const { code, out } = await runScript(script, [
    '--warm-up',
    '3',
    '--rounds',
    '2',
    '--programs',
    NATIVE,
    folder,
  ])
  t.equal(code, 0)
  for (const { name, missing } of peersWith(undefined)) {
    const row = out.split('\n').find((line) => line.startsWith(`| ${name} |`))
    if (missing) t.match(out, `left out: ${name}: ${missing}`)
    else t.match(row, / \| 7 delivered \|$/, name) // three to warm up, and two in each round
  }
  t.equal((await runScript(script, [])).code, 100, 'without a place')
})
