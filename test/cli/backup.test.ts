import { execFileSync, spawnSync } from 'node:child_process'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ownDirectoriesMissing } from '../programs/own-directories.ts'
import { openDirectory } from '../programs/reachable.ts'
import { makeMachine, ONESCAN } from './check/machine.ts'
import { bundle, jsonIn, searchPath } from './onescan.ts'

/** `onescan backup` keeps what an installation does not make again, and says what. */

const skip = ownDirectoriesMissing

t.test('an archive has all of it, and can be restored', { skip }, async (t) => {
  const machine = makeMachine(t)
  const place = openDirectory(t)
  const kept = join(place, 'kept')
  mkdirSync(kept, { mode: 0o700 })
  chownSync(kept, ONESCAN, ONESCAN)
  execFileSync('sh', ['-c', 'mkdir "$1/a" && echo mail >"$1/a/m" && mkfifo "$1/a/f"', 'sh', kept])
  symlinkSync('/etc/shadow', join(kept, 'a/link'))
  machine.write('/etc/onescan/keys/clusterkeys', 'hmac-sha256:a:secret\n', 0o640)
  machine.write('/etc/onescan/policy', '* REJECTVIRUS=1\n')
  machine.write('/etc/default/onescand', `QUARANTINE="${kept}"\nVERDICTPASSWORD="/etc/elsewhere"\n`)
  machine.write('/etc/elsewhere', 'password\n', 0o600)
  const run = (...words: readonly string[]) => {
    const [program = '', ...rest] = machine.around([process.execPath, bundle, 'backup', ...words])
    const env = { PATH: searchPath, QMAILHOME: '/nonexistent' }
    return spawnSync(program, rest, { env, encoding: 'utf8' })
  }
  const archive = join(place, 'backup.tgz')
  const { status, stdout, stderr } = run(archive, '--json')
  t.equal(status, 0, stderr)
  t.equal(statSync(archive).mode & 0o777, 0o600)
  const { results, sum } = jsonIn<{ place: string; files: number; bytes: number }>(stdout)
  const of = (name: string) => results.find(({ place }) => place === name)
  t.match(of('/etc/onescan'), { files: 2, bytes: 37 })
  t.match(of('/etc/default/onescand'), { files: 1 })
  t.match(of('/etc/elsewhere'), { files: 1, bytes: 9 })
  t.match(of(kept), { files: 3 })
  t.equal(sum.files, 7)

  t.match(run(archive), { status: 2, stderr: /is there already/ })
  const again = run(join(place, 'other.tgz'))
  const [, restore = ''] = /to restore them: (tar .*)$/m.exec(again.stdout) ?? []
  const target = join(place, 'restored')
  mkdirSync(target)
  execFileSync('sh', ['-c', restore.replace('-C /', `-C ${target}`)])
  const at = (path: string) => join(target, path)
  t.equal(readFileSync(at('/etc/onescan/keys/clusterkeys'), 'utf8'), 'hmac-sha256:a:secret\n')
  t.equal(statSync(at('/etc/onescan/keys/clusterkeys')).mode & 0o777, 0o640)
  t.equal(statSync(at(kept)).uid, ONESCAN)
  t.equal(readFileSync(join(at(kept), 'a/m'), 'utf8'), 'mail\n')
})

t.test('if it cannot be made, nothing is left', { skip }, async (t) => {
  const machine = makeMachine(t)
  const place = openDirectory(t)
  const [program = '', ...words] = machine.around([
    process.execPath,
    bundle,
    ...['backup', join(place, 'backup.tgz')],
  ])
  const broken = t.testdir({ tar: '#!/bin/sh\necho "tar: no room" >&2\nexit 2\n' })
  chmodSync(join(broken, 'tar'), 0o755)
  const env = { PATH: `${broken}:${searchPath}` }
  const { status, stderr } = spawnSync(program, words, { env, encoding: 'utf8' })
  t.equal(status, 2)
  t.match(stderr, 'onescan backup: tar: no room\n')
  t.notOk(existsSync(join(place, 'backup.tgz')))
})

// promise: root-directory-exchange
t.test('none is made where another can put a file in its place', { skip }, async (t) => {
  const machine = makeMachine(t)
  machine.write('/etc/onescan/policy', '* REJECTVIRUS=1\n')
  const place = openDirectory(t)
  const run = (directory: string) => {
    const words = [process.execPath, bundle, 'backup', join(directory, 'backup.tgz')]
    const [program = '', ...rest] = machine.around(words)
    return spawnSync(program, rest, { env: { PATH: searchPath }, encoding: 'utf8' })
  }
  const anns = join(place, 'ann')
  mkdirSync(anns)
  chownSync(anns, 1000, 1000)
  t.match(run(anns), { status: 2, stderr: /may write to .*, and root obeys nobody else/ })
  const all = join(place, 'all')
  mkdirSync(all)
  chmodSync(all, 0o777)
  t.match(run(all), { status: 2, stderr: /may write to / })
  chmodSync(all, 0o1777)
  const { status, stderr } = run(all)
  t.equal(status, 0, stderr)
})
