import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { checkPrograms } from '../../../src/scanner/cli/check/slot/check-next-program.ts'
import { checkDirectories } from '../../../src/scanner/readiness/check-directories.ts'
import { checkKeyring } from '../../../src/scanner/readiness/check-keyring.ts'
import { checkSettings } from '../../../src/scanner/readiness/check-settings.ts'
import { openQuarantine } from '../../../src/scanner/scan/quarantine/folders.ts'
import { lacks } from '../../needs.mjs'
import { host as slotHost } from '../cli/check/host.ts'
import { host } from './host.ts'

/** What settings and files contain is in a command to paste as one word of the shell. */

const odd = ["x'; : >made; '", 'x; : >made', 'x$(: >made)', 'x`: >made`', 'x\n: >made']

// promise: root-terminal
t.test('no name in a remedy is a command of its own', { skip: lacks('root') }, async (t) => {
  const directory = t.testdir({})
  for (const [at, name] of odd.entries()) {
    const place = join(directory, String(at))
    const own = join(place, name)
    const bin = join(own, 'bin')
    const spool = join(own, 'spool')
    for (const directory of [bin, spool]) mkdirSync(directory, { recursive: true })
    chmodSync(spool, 0o777)
    for (const file of ['ring', 'old.policy', 'bin/qmail-queue']) {
      writeFileSync(join(own, file), `md5:a:${'x'.repeat(32)}\n`)
    }
    chmodSync(join(own, 'ring'), 0o600)
    chmodSync(join(bin, 'qmail-queue'), 0o755)
    const group = { name: 'a', uid: 54_321, groups: [54_323] }
    const stranger = { account: group }
    const checkLines = [
      ...(await checkDirectories(host({ SPOOLDIR: spool, TMPDIR: spool }))),
      ...(await checkDirectories(host({ QUARANTINE: join(own, 'missing') }))),
      ...(await checkKeyring(host({ CLUSTERKEYS: join(own, 'ring') }, stranger))),
      ...(await checkSettings(host({ QHPSI: 'plugin: eicar', CONTROLDIR: own }))),
      ...(await checkPrograms(slotHost({ QMAILHOME: own }))),
    ]
    const commands = checkLines.flatMap(({ remedy = '' }) => /^\w+(?= .*x)/.exec(remedy) ?? [])
    t.same([...new Set(commands)].sort(), ['chgrp', 'chmod', 'install', 'mv', 'onescan'])
    const remedies = checkLines.map(({ remedy = '' }) => remedy)
    try {
      await openQuarantine(join(own, 'none'))
    } catch (error) {
      remedies.push(String(error).split('; create it: ')[1]!)
    }
    for (const remedy of remedies.filter((text) =>
      /^(chgrp|chmod|chown|install|mv|onescan) /.test(text),
    )) {
      execFileSync('/bin/sh', ['-c', `${remedy}; :`], {
        cwd: place,
        env: { PATH: '/nonexistent' },
        stdio: 'ignore',
      })
      t.notOk(existsSync(join(place, 'made')), remedy)
    }
  }
})
