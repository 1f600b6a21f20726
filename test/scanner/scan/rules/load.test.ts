import '../../../needs-addon.ts'
import { chmodSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import {
  loadRules,
  loadRulesFrom,
  RULES_MAX,
} from '../../../../src/scanner/scan/rules/parse-rules.ts'
import { ruleFileExists } from '../../../../src/scanner/scan/rules/rule.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'

/** The files of rules: which one counts, and the errors for files that cannot be read. */

const fault = (message: RegExp) => ({ name: 'Fault', kind: 'config', message })

t.test('the first file that exists is used, and a file without lines sets no rules', async (t) => {
  const [control, host] = [openDirectory(t), openDirectory(t)]
  t.equal(loadRules(control, host), undefined)
  writeFileSync(join(host, 'policy'), '* scan off\n')
  t.equal(loadRules(control, host)?.path, join(host, 'policy'))
  t.equal(loadRules(join(host, 'policy'), host)?.path, join(host, 'policy'), 'below a file')
  writeFileSync(join(control, 'onescan.policy'), '# nothing\r\n\r\n')
  t.equal(loadRules(control, host), undefined)
})

t.test('the mark of UTF-8 that some editors write is not part of the first line', async (t) => {
  const control = openDirectory(t)
  writeFileSync(join(control, 'onescan.policy'), '\ufeffto=a.org scan off\r\n')
  t.equal(loadRules(control, control)?.all.length, 1)
})

t.test('a link that leads nowhere is an error, and no other file is read', async (t) => {
  const control = openDirectory(t)
  symlinkSync('gone', join(control, 'onescan.policy'))
  writeFileSync(join(control, 'policy'), '* scan off\n')
  t.throws(
    () => loadRules(control, control),
    fault(/onescan\.policy: is a link to a file that does not exist/),
  )
})

t.test('a dangling link exists, and a name below a file does not', async (t) => {
  const place = openDirectory(t)
  const at = (name: string) => join(place, name)
  writeFileSync(at('file'), '')
  symlinkSync('nowhere', at('link'))
  symlinkSync('loop', at('loop'))
  for (const path of [place, at('file'), at('link'), at('loop')]) t.ok(ruleFileExists(path), path)
  for (const path of [at('other'), at('file/below')]) t.notOk(ruleFileExists(path), path)
  t.ok(ruleFileExists(at('loop/below')), 'it is unknown, so that opening it shows why')
})

t.test('a file that is named must exist', async (t) => {
  const path = join(openDirectory(t), 'rules')
  t.throws(() => loadRulesFrom(path), fault(/rules: does not exist/))
  writeFileSync(path, 'to=a.org scan off\n')
  const rules = loadRulesFrom(path)
  t.equal(rules.path, path)
  t.equal(rules.all.length, 1)
})

t.test('links in a circle, a directory and a file that is too large are errors', async (t) => {
  const control = openDirectory(t)
  const path = join(control, 'onescan.policy')
  symlinkSync(path, path)
  t.throws(() => loadRules(control, control), fault(/onescan\.policy: contains more than 40 links/))
  rmSync(path)
  symlinkSync(control, path)
  t.throws(() => loadRules(control, control), fault(/onescan\.policy/))
  rmSync(path)
  writeFileSync(path, '#'.repeat(RULES_MAX + 1))
  t.throws(() => loadRules(control, control), fault(/onescan\.policy/))
})

t.test(
  'root reads no file that others may write',
  { skip: process.getuid?.() !== 0 },
  async (t) => {
    const control = openDirectory(t)
    const path = join(control, 'onescan.policy')
    writeFileSync(path, '* scan off\n')
    chmodSync(path, 0o666)
    t.throws(() => loadRules(control, control), fault(/onescan\.policy/))
  },
)

t.test(
  'an unreadable file is named with its remedy',
  { skip: process.getuid?.() !== 0 },
  async (t) => {
    const control = openDirectory(t)
    const path = join(control, 'onescan.policy')
    writeFileSync(path, '* scan off\n')
    chmodSync(control, 0o700)
    const command = new RegExp(`: permission denied; chmod a\\+x ${control}$`)
    process.seteuid!('nobody')
    try {
      t.throws(() => loadRules(control, control), fault(command))
    } finally {
      process.seteuid!(0)
    }
  },
)

t.test('a file that is replaced meanwhile is read as the old or the new one', async (t) => {
  const control = openDirectory(t)
  const path = join(control, 'onescan.policy')
  const versions = ['one', 'two'].map((name) => `to=${name}.example scan off\n`.repeat(3000))
  writeFileSync(path, versions[0]!)
  const source = `
  const { renameSync, writeFileSync } = require('node:fs')
  const { parentPort, workerData: { path, versions } } = require('node:worker_threads')
  let go = true
  parentPort.on('message', () => { go = false })
  let at = 0
  const change = () => {
    writeFileSync(path + '.new', versions[++at % 2])
    renameSync(path + '.new', path)
    if (go) setImmediate(change)
    else parentPort.close()
  }
  change()
`
  const worker = new Worker(source, { eval: true, workerData: { path, versions } })
  const over = new Promise((resolve) => worker.on('exit', resolve))
  const seen = new Set<string>()
  for (let round = 0; round < 20 || (seen.size < 2 && round < 400); round++) {
    const rules = loadRules(control, control)!
    const names = new Set(rules.all.map(({ conditions }) => conditions.to!.text))
    if (names.size !== 1 || rules.all.length !== 3000) t.fail(`${[...names]} ${rules.all.length}`)
    for (const name of names) seen.add(name)
    await new Promise(setImmediate)
  }
  worker.postMessage('stop')
  await over
  t.ok(seen.size > 0, 'a whole one each time')
  renameSync(path, `${path}.old`)
  t.equal(loadRules(control, control), undefined)
})
