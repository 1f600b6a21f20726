import { chmodSync, chownSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findRunScripts } from '../../../../src/cli/check/slot/find-run-scripts.ts'
import { openDirectory } from '../../../programs/reachable.ts'

/** `onescan check` without options finds the services of qmail. */

const service = (place: string, name: string, text: string) => {
  mkdirSync(join(place, name), { recursive: true })
  const file = join(place, name, 'run')
  writeFileSync(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
  return file
}

t.test('scripts that start qmail-smtpd are found, each once', async (t) => {
  const place = openDirectory(t)
  const file = service(place, 'smtpd', 'exec tcpserver 0 25 /var/qmail/bin/qmail-smtpd')
  service(place, 'send', 'exec qmail-start ./Maildir/')
  mkdirSync(join(place, 'empty'))
  symlinkSync('smtpd', join(place, 'zz-smtpd'))
  t.same(findRunScripts([place, '/nonexistent']), { files: [file], findings: [] })
})

t.test(
  'a script that another user may write is named, and not read',
  { skip: process.getuid?.() !== 0 && 'run as root' },
  async (t) => {
    const place = openDirectory(t)
    const file = service(place, 'smtpd', 'exec qmail-smtpd')
    chownSync(file, 54_321, 54_321)
    const other = service(place, 'web', 'exec httpd')
    chmodSync(other, 0o777)
    const { files, findings } = findRunScripts([place])
    t.same(files, [])
    t.match(findings, [
      {
        level: 'warning',
        what: 'run script',
        value: /smtpd\/run was not looked at: .*user 54321/,
        remedy: /^runuser -u USER -- onescan check --run \S+smtpd\/run/,
      },
    ])
  },
)
