import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { bareHostMissing, makeBareHost } from './bare-host.ts'

/** The package and ClamAV's on one host, in whatever order they are installed. */

/** What Debian's packages of ClamAV do when they are configured, as far as it concerns us. */
const clamav = `
  package() { # NAME DEPENDS, its postinst on standard input
    mkdir -p /$1/DEBIAN
    printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\nDepends: %s\n' \
      $1 "$2" >/$1/DEBIAN/control
    { printf '#!/bin/sh\nset -e\n'; cat; } >/$1/DEBIAN/postinst
    chmod 755 /$1/DEBIAN/postinst
    dpkg-deb --build /$1 >/dev/null
  }
  package clamav-base adduser <<'END'
test "$1" = configure || exit 0
adduser --system --quiet --no-create-home --group clamav
END
  mkdir -p /clamav-daemon/usr/sbin && touch /clamav-daemon/usr/sbin/clamd
  package clamav-daemon clamav-base <<'END'
test "$1" = configure || exit 0
mkdir -p /etc/clamav
printf 'User clamav\nLocalSocketGroup clamav\nAlertExceedsMax no\n' >/etc/clamav/clamd.conf
END`

const apart = 'dpkg --unpack /onescan.deb /clamav-base.deb /clamav-daemon.deb'
const configure = (...names: string[]) => `dpkg --configure --no-triggers ${names.join(' ')}`

interface Order {
  readonly name: string
  readonly script: string
  /** Left to `npm run test:nightly`. */
  readonly nightly?: true
}

const orders: readonly Order[] = [
  {
    name: 'by apt, in one run',
    script: 'apt-get install --yes /onescan.deb /clamav-daemon.deb /clamav-base.deb',
  },
  {
    name: 'by dpkg, in one run, onescan first',
    script: 'dpkg -i /onescan.deb /clamav-base.deb /clamav-daemon.deb',
    nightly: true,
  },
  {
    name: 'by dpkg, in one run, onescan last',
    script: 'dpkg -i /clamav-base.deb /clamav-daemon.deb /onescan.deb',
    nightly: true,
  },
  {
    name: 'ClamAV first',
    script: 'dpkg -i /clamav-base.deb /clamav-daemon.deb && dpkg -i /onescan.deb',
    nightly: true,
  },
  {
    name: 'ClamAV later',
    script: 'dpkg -i /onescan.deb && dpkg -i /clamav-base.deb /clamav-daemon.deb',
  },
  {
    name: 'all unpacked, onescan configured first, as apt may do it',
    script: `${apart} && ${configure('onescan')} && ${configure('clamav-base', 'clamav-daemon')} && dpkg --configure --pending`,
    nightly: true,
  },
  {
    name: 'all unpacked, onescan configured between the two',
    script: [
      ...[apart, configure('clamav-base'), configure('onescan'), configure('clamav-daemon')],
      'dpkg --configure --pending',
    ].join(' && '),
  },
  {
    name: 'onescan configured before ClamAV, each in a run of its own',
    script: `${apart} && dpkg --configure onescan && dpkg --configure clamav-base clamav-daemon &&
      dpkg-reconfigure onescan`,
    nightly: true,
  },
]

const reset = `
  dpkg -P onescan clamav-daemon clamav-base >/dev/null 2>&1
  rm -rf /etc/onescan /etc/clamav /var/lib/onescan /var/spool/onescan
  deluser --quiet onescan >/dev/null 2>&1
  deluser --quiet clamav >/dev/null 2>&1
  delgroup --quiet clamav >/dev/null 2>&1
  true`

t.test('with clamd', { skip: bareHostMissing }, async (t) => {
  const bare = await makeBareHost(t)
  const { must } = bare
  must(clamav)

  for (const { name, script, nightly } of orders) {
    if (nightly && !isWhole) continue
    await t.test(name, async (t) => {
      must(reset)
      const { code, output } = bare.run(script)
      t.equal(code, 0, output)
      t.equal(must('stat -c %G:%a /var/spool/onescan'), 'onescan:700\n', output)
      t.same(must('id -nG onescan').trim().split(/\s/).sort(), ['onescan', 'onescan-keys'])
      t.match(output, 'set "AlertExceedsMax yes" in /etc/clamav/clamd.conf')
      t.match(must('cat /etc/clamav/clamd.conf'), 'AlertExceedsMax no', 'which is not ours to edit')
      t.equal(must('dpkg --audit'), '', 'nothing is left to be done')
    })
  }

  await t.test('the remedy that check gives about AlertExceedsMax works', async (t) => {
    must(`${reset}; dpkg -i /clamav-base.deb /clamav-daemon.deb`)
    const output = must('dpkg -i /onescan.deb')
    const commands = [...output.matchAll(/^onescan: {3}((?:sed|echo) .*)$/gm)].map(
      ([, command]) => command,
    )
    t.equal(commands.length, 2)
    must(commands.join('\n'))
    t.match(must('cat /etc/clamav/clamd.conf'), /^User clamav[\s\S]*^AlertExceedsMax yes$/m)
    t.notMatch(must('cat /etc/clamav/clamd.conf'), 'AlertExceedsMax no')
    t.notMatch(must('dpkg -i /onescan.deb'), 'AlertExceedsMax', 'and it is reported no more')
  })
})

const knowsExim = () => spawnSync('apt-cache', ['show', 'exim4-daemon-light']).status === 0
const aptMissing = bareHostMissing || (!knowsExim() && 'run apt-get update')

t.test(
  'on a bare Debian apt installs no mail server with the package',
  { skip: aptMissing },
  async (t) => {
    const bare = await makeBareHost(t)
    // By apt of this host, which knows what Debian has; the bare one knows what is installed.
    const installs = (...words: string[]) => {
      const status = `Dir::State::status=${bare.at('var/lib/dpkg/status')}`
      const text = execFileSync('apt-get', ['-s', '-o', status, 'install', ...words], {
        encoding: 'utf8',
        env: { PATH: process.env.PATH, LC_ALL: 'C' },
      })
      return [...text.matchAll(/^Inst (\S+)/gm)].map(([, name]) => name!)
    }
    t.same(installs(bare.package), ['onescan'])
    const both = installs('--no-install-recommends', bare.package, 'clamav-daemon')
    t.ok(both.includes('clamav-daemon') && both.includes('clamav-freshclam'), both.join(' '))
    t.same(
      both.filter((name) => /exim|postfix|sendmail|mailx/.test(name)),
      [],
    )
    const page = readFileSync(join(import.meta.dirname, '../../doc/install.md'), 'utf8')
    t.match(page, /^apt install --no-install-recommends .* clamav-daemon$/m)
    t.match(
      page,
      '\napt install --no-install-recommends ./build/onescan_*.deb ./build/onescan-runtime_*.deb\n',
    )
  },
)
