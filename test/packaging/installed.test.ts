import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { plain } from '../cases/messages.ts'
import { isWhole } from '../run/is-whole.ts'
import { packageOnce, packagingMissing, putPackages } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'
import { CLIENT, deliveredTo, LINK, mustRun, putQmail, REAL, whileMailFlows } from './mail-here.ts'

/** The life of the package on bare Debians, which have no Node and no service manager. */

/** A line of onescan check, whatever it is aligned with. */
const checkLine = (level: string, text: string) => new RegExp(`^${level} +${text}`, 'm')

const skip = packagingMissing || debianMissing

for (const release of isWhole ? ['bookworm', 'trixie'] : ['bookworm']) {
  t.test(`on a bare ${release}`, { skip }, (t) => liveOn(t, release))
}

async function liveOn(t: Test, release: string): Promise<void> {
  const [debian, file] = await Promise.all([makeDebian(t, release), packageOnce('whole')])
  const at = (path: string) => join(debian.path, path)
  putPackages(debian, file)
  putQmail(at)
  mkdirSync(at('/var/qmail/control'))

  const there = (script: string, code = 0) => mustRun(t, debian, script, code)
  const linked = () => there(`readlink ${LINK}`).trim()
  const delivered = () => deliveredTo(at)
  /** As qmail-smtpd with QMAILQUEUE naming the link. */
  const inject = (message: string, code: number) =>
    there(
      `onescan inject /${message}.eml --from ann@example.org --to ben@example.org --program ${LINK} ` +
        "--env MAILDIR=/var/mail-here --env QHPSI='plugin: eicar' --env REJECTVIRUS=1",
      code,
    )
  /** Mail as it goes without onescan. */
  const queue = () => there(`MAILDIR=/var/mail-here ${LINK} </clean.eml 1</envelope`)

  t.match(there('command -v node nodejs bun; true'), /^$/, 'there is no runtime here')

  there('dpkg -i /onescan.deb')
  t.equal(linked(), CLIENT)
  t.equal(
    there("stat -c '%U:%G %a' /etc/onescan/keys /var/spool/onescan"),
    'root:onescan-keys 2750\nonescan:onescan 700\n',
  )

  t.match(inject('clean', 0), /^exit +0: /m)
  t.equal(delivered(), 1)
  const [name] = readdirSync(at('/var/mail-here/new'))
  t.equal(
    readFileSync(at(`/var/mail-here/new/${name}`), 'latin1').replace(/^Received: .*\n/, ''),
    `X-QHPSI: clean\n${plain.toString('latin1')}`,
  )
  t.match(inject('eicar', 1), /^exit +31: /m)
  t.equal(delivered(), 1)

  there('onescan keygen --append /etc/onescan/keys/clusterkeys')
  t.equal(
    there("stat -c '%U:%G %a' /etc/onescan/keys/clusterkeys"),
    'root:onescan-keys 640\n',
    'a new keyring is for root and the group',
  )

  // A package that brings clamd and its group, after onescan.
  there(`mkdir -p /clamd/DEBIAN /clamd/usr/sbin && touch /clamd/usr/sbin/clamd
    printf 'Package: clamd\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n' >/clamd/DEBIAN/control
    printf '#!/bin/sh\\ngroupadd clamav\\n' >/clamd/DEBIAN/postinst && chmod 755 /clamd/DEBIAN/postinst
    dpkg-deb --build /clamd && dpkg -i /clamd.deb`)
  t.equal(there('stat -c %G:%a /var/spool/onescan'), 'onescan:700\n', 'which clamd need not enter')
  t.notMatch(there('id -nG onescan'), 'clamav')

  there(`ln -sfn ${REAL} ${LINK} && dpkg -i /onescan.deb`)
  t.equal(linked(), REAL, 'an upgrade leaves the link as it is')
  there(`ln -sfn ${CLIENT} ${LINK} && dpkg -i /onescan.deb`)
  t.equal(linked(), CLIENT)

  // Anyone who could write there would have root wait, or read what is not his.
  there(
    'mkdir -p /service/x && mkfifo /service/x/run /etc/pipe && ln -s /dev/zero /etc/onescan/zero',
  )
  there('timeout 60 dpkg -r onescan && rm -r /service /etc/pipe /etc/onescan/zero')
  t.equal(linked(), REAL)
  there(`test -e ${CLIENT}`, 1)
  queue()
  t.equal(delivered(), 2, 'mail still flows')

  there('dpkg -i /onescan.deb')
  t.equal(linked(), CLIENT, 'and is scanned again where it was')

  // Another removal that is called off, as dpkg does where something behind prerm fails.
  there('/var/lib/dpkg/info/onescan.prerm remove')
  t.equal(linked(), REAL)
  there('/var/lib/dpkg/info/onescan.postinst abort-remove')
  t.equal(linked(), CLIENT)

  // Mail goes on coming in meanwhile: what is not queued is deferred, and nothing is lost.
  const steps = `for step in -i/onescan.deb -ronescan -i/onescan.deb; do
      dpkg $(echo $step | sed 's/^../& /') >/dev/null 2>&1 || exit
    done`
  whileMailFlows(t, debian, steps, 20)

  const purged = there(`: >"/etc/onescan/keys/$(printf '\\033[31mred')"; dpkg -P onescan`)
  t.match(purged, /^onescan: left: .*\/etc\/onescan\/keys\/clusterkeys/m)
  t.equal(purged.match(/clusterkeys/g)?.length, 1, 'each file once')
  t.match(purged, /\/etc\/onescan\/keys\/ \[31mred/, 'a terminal obeys no name')
  t.equal(linked(), REAL)
  const last = delivered()
  queue()
  t.equal(delivered(), last + 1)
  there('test -s /etc/onescan/keys/clusterkeys')
  there('test -e /var/spool/onescan', 1)
  there('test -e /etc/default/onescand', 1)

  t.match(
    there('dpkg -i /onescan.deb'),
    'NOT SCANNED',
    'installed again, it prints where mail goes',
  )
  const checkLines = there(
    `onescan check --user nobody --env QHPSI='plugin: eicar' --env QMAILHOME=/var/qmail`,
    2,
  )
  t.match(
    checkLines,
    checkLine('error', `${LINK}: is a link to ${REAL}: mail through it is not scanned`),
  )
}
