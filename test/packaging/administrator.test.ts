import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findProgram } from '../programs/install.mjs'
import { buildPackage, packagingMissing } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'
import { smallPrograms } from './small-programs.ts'

/** The maintainer scripts on hosts that are short of something, or set up otherwise by their administrator. */

const tmpfiles = join(import.meta.dirname, '../../packaging/deb/tmpfiles.conf')
const install = 'dpkg -i /onescan.deb'
/** What systemd runs each time before onescand starts. */
const start = 'sh /usr/share/onescan/share-with-clamd'
const reset = `
  dpkg -P onescan >/dev/null 2>&1
  for path in /etc/onescan/keys /etc/onescan/keys/clusterkeys /var/spool/onescan; do
    dpkg-statoverride --remove $path 2>/dev/null
  done
  gpasswd -d onescan clamav >/dev/null 2>&1
  rm -rf /etc/onescan /var/lib/onescan /var/spool/onescan /run/onescan /etc/clamav
  groupadd -f clamav; useradd -M -g clamav clamav 2>/dev/null
  true`
const seen = `stat -c '%n %U:%G %a' /etc/onescan/keys /etc/onescan/keys/clusterkeys /var/spool/onescan`

t.test(
  'a host that is set up otherwise',
  { skip: packagingMissing || debianMissing },
  async (t) => {
    const [debian, built] = await Promise.all([
      makeDebian(),
      buildPackage('none', {}, smallPrograms(t)),
    ])
    t.teardown(() => debian.remove())
    t.teardown(() => built.remove())
    const at = (path: string) => join(debian.path, path)
    copyFileSync(built.file, at('onescan.deb'))
    mkdirSync(at('/var/qmail/bin'), { recursive: true })
    writeFileSync(at('/var/qmail/bin/qmail-queue'), '#!/bin/sh\n', { mode: 0o755 })
    writeFileSync(at('/usr/bin/deb-systemd-helper'), '#!/bin/sh\n')
    const there = (script: string) => debian.run(script)
    const must = (script: string) => {
      const { code, output } = there(script)
      if (code !== 0) throw new Error(`${script}: ${code}\n${output}`)
      return output
    }
    const isMember = () => must('id -nG onescan').trim().split(' ').includes('clamav')

    const fullTmp = 'mount -t tmpfs -o size=64k none "$1/tmp" && ! cat /dev/zero >"$1/tmp/full"'
    for (const [what, make, why] of [
      ['a full /tmp', fullTmp, 'there is no room for temporary files'],
      ['no /proc', 'umount "$1/proc"', '/proc is not mounted'],
      ['both', `${fullTmp} && umount "$1/proc"`, '/proc is not mounted'],
    ] as const) {
      await t.test(
        `a first installation does not fail for ${what}, and says what it left`,
        async (t) => {
          must(reset)
          const { code, output } = debian.run(install, make)
          t.equal(code, 0, output)
          t.match(output, `the programs were not tried: ${why}.`)
          t.equal(must(`dpkg-query -W -f '\${Status}' onescan`), 'install ok installed')
          const [, command = ''] = /run: (sh .*)$/m.exec(output) ?? []
          t.equal(there(command).code, 0, 'what it says to run then, works')
        },
      )
    }

    await t.test('an upgrade does: the running engine goes on', async (t) => {
      must(`${reset}; ${install}`)
      const { code, output } = debian.run(install, fullTmp)
      t.not(code, 0, output)
      t.match(output, 'the installed programs do not work here')
      t.equal(there('dpkg --configure onescan').code, 0, 'later it goes on')
    })

    /** What is left of a change after all that sets modes and owners: upgrades, boots, starts. */
    const leftOf = (changed: string) => {
      must(`${changed}; ${install} && ${start}`)
      if (findProgram('systemd-tmpfiles')) {
        execFileSync('systemd-tmpfiles', ['--create', `--root=${debian.path}`, tmpfiles])
      }
      return must(`${install} >/dev/null 2>&1 && ${start} >/dev/null && ${seen}`)
    }

    await t.test('what dpkg-statoverride sets stays', async (t) => {
      must(`${reset}; ${install}; echo key >/etc/onescan/keys/clusterkeys`)
      const after = leftOf(`
      dpkg-statoverride --update --add root daemon 0710 /etc/onescan/keys
      dpkg-statoverride --update --add daemon daemon 0604 /etc/onescan/keys/clusterkeys
      dpkg-statoverride --update --add onescan onescan 0773 /var/spool/onescan`)
      t.equal(
        after,
        '/etc/onescan/keys root:daemon 710\n' +
          '/etc/onescan/keys/clusterkeys daemon:daemon 604\n' +
          '/var/spool/onescan onescan:onescan 773\n',
      )
    })

    await t.test('and what he sets without it, but for keys that everybody reads', async (t) => {
      must(`${reset}; ${install}; echo key >/etc/onescan/keys/clusterkeys`)
      const after = leftOf(`
      chown daemon:daemon /etc/onescan/keys/clusterkeys; chmod 0464 /etc/onescan/keys/clusterkeys
      chgrp daemon /etc/onescan/keys /var/spool/onescan
      chmod 0700 /etc/onescan/keys /var/spool/onescan`)
      t.equal(
        after,
        '/etc/onescan/keys root:daemon 2700\n' +
          '/etc/onescan/keys/clusterkeys daemon:daemon 460\n' +
          '/var/spool/onescan onescan:daemon 2700\n',
      )
    })

    await t.test(
      "onescand joins clamd's group once: who takes it out again, has it out",
      async (t) => {
        const first = must(`${reset}; ${install}`)
        t.match(first, 'the user onescan is now in the group clamav')
        t.ok(isMember())
        t.match(must(seen.replace(/\/etc\S*/g, '')), 'onescan:clamav 3730')
        must('gpasswd -d onescan clamav; chgrp onescan /var/spool/onescan')
        t.match(must(start), 'the user onescan was taken out of the group clamav')
        must(install)
        t.notOk(isMember())
        t.match(must(seen.replace(/\/etc\S*/g, '')), 'onescan:onescan 3730')
        must(`adduser onescan clamav; ${start}`)
        t.ok(isMember(), 'and who puts it in, has it in')
        must(`${reset}; ${install}`)
        t.ok(isMember(), 'a purge forgets it')
      },
    )

    await t.test('a member of before is no news, and counts as joined', async (t) => {
      must(`${reset}; ${install}; rm -r /var/lib/onescan`)
      t.notMatch(must(start), 'is now in the group')
      must('gpasswd -d onescan clamav')
      must(start)
      t.notOk(isMember())
    })
  },
)
