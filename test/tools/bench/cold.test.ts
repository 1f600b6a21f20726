import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { NATIVE } from '../../../tools/bench/contestants.ts'
import { runScript } from '../../../tools/bench/run-script.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../../programs/host/reachable.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'

const skip =
  clamdMissing ||
  lacks('cc') ||
  (!existsSync(join(NATIVE, 'onescan-queue')) && 'run npm run build:native')

const script = join(import.meta.dirname, '../../../tools/bench/cold/run.ts')

t.test(
  'each mail is scanned in each way, and compared with the other program',
  { skip },
  async (t) => {
    const folder = join(openDirectory(t), 'folder')
    mkdirSync(folder)
    for (const name of ['a', 'b']) {
      writeFileSync(join(folder, name), `From: ann@example.org\nSubject: ${name}\n\n${name}\n`)
    }
    const { code, out } = await runScript(script, ['--rounds', '2', '--over', NATIVE, folder])
    t.equal(code, 0, out)
    for (const name of ['default', 'never', 'other']) {
      t.match(out, new RegExp(`^\\| ${name} \\| .* \\| 4 \\|$`, 'm'))
    }
    t.match(out, /^\| other \| .* 1\.00 \(1\.00 to 1\.00\) /m)
  },
)
