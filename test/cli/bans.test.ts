import { spawnSync } from 'node:child_process'
import { chmodSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { listFingerprint } from '../../src/scan/scanners/shared/ban-names.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../programs/clamd.ts'
import { archiveOf, packerMissing } from '../scan/scanners/attachments/archives.ts'
import { bundle, onescan } from './onescan.ts'

/** `onescan bans` prints the names that are banned as signatures for ClamAV. */

const bans = (t: Test, rules: string) =>
  onescan(['bans', '--env', `BADATTACHMENTS=${join(t.testdir({ rules }), 'rules')}`], {
    root: true,
  })

t.test('names are printed, and rules about types and content left out', async (t) => {
  const { code, bytes } = await bans(
    t,
    'name *.exe\nname r\u00e9sum\u00e9.*\ntype audio/*\ncontent executable\n',
  )
  t.equal(code, 0)
  const names = bytes.toString('latin1').match(/^Banned\.[^:]*/gm)
  const list = `Banned.List.${listFingerprint(['*.exe', 'r\u00e9sum\u00e9.*'])}`
  t.same(names, [list, 'Banned.%2A.exe', 'Banned.r%C3%A9sum%C3%A9.%2A'])
})

t.test('without a name there is nothing to print', async (t) => {
  const { code, out, err } = await bans(t, 'content executable\n')
  t.equal(code, 2)
  t.equal(out, '')
  t.match(err, /BADATTACHMENTS: bans no name; write one/)
})

const example = join(import.meta.dirname, '../../packaging/examples/bans-for-clamd')
const isRoot = process.getuid!() === 0

t.test(
  'the script gives clamd the names',
  {
    skip: clamdMissing || packerMissing || (!isRoot && 'needs root'),
  },
  async (t) => {
    const clamd = await startClamd(t)
    const programs = t.testdir()
    const program = (name: string, text: string) => {
      writeFileSync(join(programs, name), `#!/bin/sh\n${text}\n`)
      chmodSync(join(programs, name), 0o755)
    }
    program('onescan', `exec '${process.execPath}' '${bundle}' "$@"`)
    program('clamdscan', `exec /usr/bin/clamdscan --config-file='${clamd.configFile}' "$@"`)
    const directory = join(clamd.directory, 'db')
    const run = (BADATTACHMENTS: string) =>
      spawnSync(example, [directory], {
        env: { PATH: `${programs}:${process.env.PATH}`, BADATTACHMENTS },
        encoding: 'utf8',
      })
    const archive = archiveOf('zip', 'a.exe', join(programs, 'archives'))
    t.match(await clamdAnswer(clamd.socket, archive), { answer: 'clean' })
    t.match(run('*.exe *.\u00e9t\u00e9'), { status: 0, stderr: '' })
    // clamd loads signatures beside its work, and says so afterwards.
    while (!clamd.log.some((line) => /Database correctly reloaded/.test(line))) await wait(20)
    const found = { answer: 'infected', name: 'attachment *.exe in an archive', banned: true }
    t.match(await clamdAnswer(clamd.socket, archive), found)

    const before = readFileSync(join(directory, 'onescan-bans.cdb'))
    t.match(run('/nonexistent'), { status: 1, stderr: /nothing was changed/ })
    program('clamscan', 'exit 2')
    t.match(run('*.scr'), {
      status: 1,
      stderr: /ClamAV does not take the names; nothing was changed/,
    })
    t.same(readFileSync(join(directory, 'onescan-bans.cdb')), before)
    t.same(readdirSync(directory).sort(), ['onescan-bans.cdb', 'x.ndb'])
  },
)
