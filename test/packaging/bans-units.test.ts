import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clamdMissing } from '../programs/clamd.ts'
import { boot, bootMissing } from './booted-debian.ts'
import { makeDebian } from './debian.ts'
import { copyPrograms, SET_UP_CLAMD } from './programs-there.ts'

/** The units that renew clamd's list of banned names, under a systemd that runs as the first process. */

const root = join(import.meta.dirname, '../..')
const units = ['onescan-bans.path', 'onescan-bans.service']

/** What the package would bring. */
const UNITS = `ln -s ../lib/onescan/onescan-run /usr/bin/onescan && mkdir -p /etc/onescan
  systemctl enable onescan-bans.path`

t.test(
  'the units renew the list when rules change',
  { skip: bootMissing || clamdMissing },
  async (t) => {
    const debian = await makeDebian(t)
    t.equal(debian.run('apt-get install --yes /systemd/*.deb').code, 0)
    const programs = ['/usr/sbin/clamd', '/usr/bin/clamscan', '/usr/bin/clamdscan']
    copyPrograms(debian.path, programs)
    const examples = join(debian.path, 'usr/share/doc/onescan/examples')
    mkdirSync(examples, { recursive: true })
    for (const name of [...units, 'bans-for-clamd']) {
      const to = name.includes('.') ? join(debian.path, 'etc/systemd/system') : examples
      cpSync(join(root, 'packaging/examples', name), join(to, name))
    }
    const native = join(debian.path, 'usr/lib/onescan')
    cpSync(join(root, 'build/native'), native, { recursive: true, verbatimSymlinks: true })
    const made = debian.run(`${SET_UP_CLAMD}\n${UNITS}`)
    t.equal(made.code, 0, made.output)
    const settings = 'BADATTACHMENTS="/etc/onescan/badattachments"\n'
    writeFileSync(join(debian.path, 'etc/default/onescand'), settings)

    const host = await boot(debian, { apart: true })
    t.teardown(() => host.stop())
    /** Writes the rules, waits until the unit has run for them, and returns how, with the names of the list. */
    const renew = (rules: string) => {
      const script = `count() { journalctl -o cat -u onescan-bans.service | grep -c -E '^(Finished|Failed to start) '; }
      before=$(count); printf '${rules}' >/etc/onescan/new
      mv /etc/onescan/new /etc/onescan/badattachments
      while test "$(count)" = "$before"; do sleep 0.1; done
      systemctl show --property Result --value onescan-bans.service
      grep -o '^Banned\\.%[^:]*' /var/lib/clamav/onescan-bans.cdb
      stat -c '%U %a' /var/lib/clamav/onescan-bans.cdb`
      return host.run(script).output
    }
    t.equal(renew('name *.exe\\n'), 'success\nBanned.%2A.exe\nclamav 644\n')
    t.equal(renew('name *.scr\\n'), 'success\nBanned.%2A.scr\nclamav 644\n')
    t.equal(renew('nonsense\\n'), 'exit-code\nBanned.%2A.scr\nclamav 644\n', 'the list of before')
    t.equal(renew('name *.lnk\\n'), 'success\nBanned.%2A.lnk\nclamav 644\n')
    const reloaded = "journalctl -o cat -u clamd.service | grep -q 'Activating the newly loaded'"
    t.equal(host.run(`until ${reloaded}; do sleep 0.1; done`).code, 0)
  },
)
