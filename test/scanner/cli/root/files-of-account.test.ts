import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { asNobody, asRoot, command, mail, NOBODY, skip } from './typed-by-root.ts'

/** A file is read that the account may read, and root opens no other one for it. */

// promise: root-paths
t.test('a log leads root to no file that its owner may not read', { skip }, async (t) => {
  const place = openDirectory(t)
  const secret = join(place, 'secret')
  writeFileSync(secret, 'onescan: decision=accept from=<secret@example.org>\n', { mode: 0o600 })
  for (const [name, target] of Object.entries({ link: secret, device: '/dev/zero' })) {
    mkdirSync(join(place, name))
    symlinkSync(target, join(place, name, 'current'))
    execFileSync('chown', ['-Rh', `${NOBODY}:${NOBODY}`, join(place, name)])
    const { code, out, err } = await asRoot(['log', join(place, name), ...asNobody])
    t.equal(code, 2, err)
    t.match(err, /current: is a link, and links are not followed there/)
    t.equal(out, '')
  }
  const other = join(place, 'other')
  mkdirSync(other)
  writeFileSync(join(place, 'readable'), readFileSync(secret), { mode: 0o644 })
  symlinkSync(join(place, 'readable'), join(other, 'current'))
  const { code, out } = await asRoot(['log', other, ...asNobody])
  t.equal(code, 2, 'the account of logs may read more than the owner of one')
  t.equal(out, '')
})

t.test('the remedy is printed for a file that the account may not read', { skip }, async (t) => {
  const place = openDirectory(t)
  const file = join(place, 'mail.eml')
  writeFileSync(file, mail, { mode: 0o600 })
  const home = join(place, 'home')
  mkdirSync(home, { mode: 0o700 })
  const closed = join(home, 'mail.eml')
  writeFileSync(closed, mail)
  const words = ['--env', 'QHPSI=plugin: eicar', ...asNobody]
  for (const path of [file, closed]) {
    const { code, out } = await asRoot(['scan', ...words, path])
    t.equal(code, 2)
    t.match(out, /permission denied.*: nobody may not read it; use - <FILE instead/, path)
  }
  mkdirSync(join(home, 'Maildir'))
  for (const directory of [home, join(home, 'Maildir')]) {
    const again = ['scan', '--again', '--since', '1d', ...words, directory]
    const { code, out, err } = await asRoot(again)
    t.equal(code, 2)
    t.match(out, /^0 messages: /, 'a directory is no message')
    t.match(err, `nobody may not read it; specify the account that owns the mail: --user ACCOUNT`)
    t.notMatch(err, '- <FILE')
  }
  const handed = spawnSync(
    '/bin/sh',
    ['-c', `${command} scan ${asNobody.join(' ')} --env 'QHPSI=plugin: eicar' - <${file}`],
    { encoding: 'utf8' },
  )
  t.match(handed.stdout, '1 message: 1 clean')
  writeFileSync(join(home, 'own.mjs'), 'export const virusscan = () => ({ clean: true })\n')
  const plugin = ['--env', 'QHPSI=plugin: own.mjs', '--env', `PLUGINDIR=${home}`, ...asNobody]
  chmodSync(file, 0o644)
  const { out } = await asRoot(['scan', ...plugin, file])
  t.match(out, /own\.mjs: permission denied; let nobody read it or correct PLUGINDIR/)
})
