import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../needs.mjs'
import { bareHostMissing, makeBareHost } from './bare-host.ts'

/** The maintainer scripts on hosts that are short of something, or set up otherwise by their administrator. */

const tmpfiles = join(import.meta.dirname, '../../packaging/shipped/systemd/tmpfiles.conf')
const install = 'dpkg -i /onescan.deb'
const both = 'dpkg -i /onescan.deb /onescan-quotad.deb'
const reset = `
  dpkg -P onescan >/dev/null 2>&1
  for path in /etc/onescan/keys /etc/onescan/keys/clusterkeys /var/spool/onescan; do
    dpkg-statoverride --remove $path 2>/dev/null
  done
  rm -rf /etc/onescan /var/lib/onescan /var/spool/onescan /run/onescan
  true`
const seen = `stat -c '%n %U:%G %a' /etc/onescan/keys /etc/onescan/keys/clusterkeys /var/spool/onescan`

t.test('a host that is set up otherwise', { skip: bareHostMissing }, async (t) => {
  const bare = await makeBareHost(t)
  const { at, must } = bare
  mkdirSync(at('/var/qmail/bin'), { recursive: true })
  writeFileSync(at('/var/qmail/bin/qmail-queue'), '#!/bin/sh\n', { mode: 0o755 })
  const there = (script: string) => bare.run(script)

  const fullTmp = 'mount -t tmpfs -o size=64k none "$1/tmp" && ! cat /dev/zero >"$1/tmp/full"'
  for (const [what, make, reason] of [
    ['a full /tmp', fullTmp, 'there is no space for temporary files'],
    ['no /proc', 'umount "$1/proc"', '/proc is not mounted'],
    ['both', `${fullTmp} && umount "$1/proc"`, '/proc is not mounted'],
  ] as const) {
    await t.test(
      `a first installation does not fail because of ${what}, and reports what it left`,
      async (t) => {
        must(reset)
        const { code, output } = bare.run(install, make)
        t.equal(code, 0, output)
        t.match(output, `the programs were not tested: ${reason}.`)
        t.equal(must(`dpkg-query -W -f '\${Status}' onescan`), 'install ok installed')
        const [, command = ''] = /run: (sh .*)$/m.exec(output) ?? []
        t.equal(there(command).code, 0, 'the command that it prints then, works')
      },
    )
  }

  await t.test(
    'an upgrade with a full /tmp fails, since the running onescand goes on, and can be finished later',
    async (t) => {
      must(`${reset}; ${install}`)
      const { code, output } = bare.run(install, fullTmp)
      t.not(code, 0, output)
      t.match(output, 'the installed programs do not work on this host')
      t.equal(there('dpkg --configure onescan').code, 0, 'later it goes on')
    },
  )

  await t.test('the package is not unpacked into that of npm', async (t) => {
    must(`${reset}; rm -rf /usr/share/onescan; mkdir -p /opt/node_modules/shipped
      ln -s /opt/node_modules/shipped /usr/share/onescan; ${install}`)
    t.equal(must('ls /opt/node_modules/shipped'), '')
    t.equal(must('stat -c %F /usr/share/onescan'), 'directory\n')
  })

  await t.test('an upgrade asks nothing about settings, and changes none', async (t) => {
    must(`${reset}; rm -f /etc/default/onescan*; ${both}`)
    t.equal(must(`dpkg-query -W -f '\${Conffiles}' onescan`), '', 'dpkg asks about conffiles')
    const files = '/etc/default/onescand /etc/default/onescan-quotad'
    must(
      `echo 'REJECTVIRUS="1"' >>/etc/default/onescand; rm /etc/default/onescan-quotad; md5sum ${files} >/before; true`,
    )
    must(`${both} </dev/null`)
    t.equal(must(`md5sum ${files} 2>/dev/null; true`), must('cat /before'))
    t.match(must('cat /usr/share/onescan/defaults/onescand'), '\nONESCAND_OPTIONS=""\n')
    must('dpkg -P onescan onescan-quotad')
    t.equal(must(`ls ${files} 2>/dev/null; true`), '', 'a purge takes them away')
  })

  /** What is left of a change after all that sets modes and owners: upgrades and boots. */
  const leftOf = (changed: string) => {
    must(`${changed}; ${install}`)
    if (!lacks('systemd-tmpfiles')) {
      execFileSync('systemd-tmpfiles', ['--create', `--root=${bare.at('')}`, tmpfiles])
    }
    return must(`${install} >/dev/null 2>&1 && ${seen}`)
  }

  await t.test('modes that dpkg-statoverride sets stay', async (t) => {
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

  await t.test('modes that are set without dpkg-statoverride stay as well', async (t) => {
    must(`${reset}; ${install}; echo key >/etc/onescan/keys/clusterkeys`)
    const after = leftOf(`
      chown daemon:daemon /etc/onescan/keys/clusterkeys; chmod 0464 /etc/onescan/keys/clusterkeys
      chgrp daemon /etc/onescan/keys /var/spool/onescan
      chmod 0700 /etc/onescan/keys /var/spool/onescan`)
    t.equal(
      after,
      '/etc/onescan/keys root:daemon 2700\n' +
        '/etc/onescan/keys/clusterkeys daemon:daemon 464\n' +
        '/var/spool/onescan onescan:daemon 700\n',
    )
  })
})
