import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { plain } from '../cases/messages.ts'
import { isWhole } from '../run/is-whole.ts'
import { packageOnce, packagingMissing } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'

/** The life of the package on bare Debians, which have no Node and no service manager. */

const LINK = '/etc/onescan/queue'
const CLIENT = '/usr/lib/onescan/onescanc'
const REAL = '/var/qmail/bin/qmail-queue'
const queueSource = join(import.meta.dirname, '../stand-in/qmail-queue.c')

/** A line of onescan check, whatever it is aligned with. */
const finding = (level: string, text: string) => new RegExp(`^${level} +${text}`, 'm')

const skip = packagingMissing || debianMissing

for (const release of isWhole ? ['bookworm', 'trixie'] : ['bookworm']) {
  t.test(`on a bare ${release}`, { skip }, (t) => liveOn(t, release))
}

async function liveOn(t: Test, release: string): Promise<void> {
  const [debian, file] = await Promise.all([makeDebian(release), packageOnce('whole')])
  t.teardown(() => debian.remove())
  const at = (path: string) => join(debian.path, path)
  copyFileSync(file, at('onescan.deb'))
  mkdirSync(at('/var/qmail/bin'), { recursive: true })
  mkdirSync(at('/var/qmail/control'))
  // Static: the other Debian may have another C library than this host.
  execFileSync('cc', ['-O2', '-static', '-o', at(REAL), queueSource])
  // An account that is not root's queues mail by hand.
  for (const part of ['tmp', 'new', 'cur', 'envelopes']) {
    mkdirSync(at(`/var/mail-here/${part}`), { recursive: true })
    chmodSync(at(`/var/mail-here/${part}`), 0o777)
  }
  writeFileSync(at('/clean.eml'), plain)
  writeFileSync(at('/eicar.eml'), Buffer.concat([plain, bytes(`${EICAR}\n`)]))

  /** Runs a script there, which must succeed unless another code is expected; its output. */
  function there(script: string, code = 0): string {
    const result = debian.run(script)
    t.equal(result.code, code, `${script}\n${result.output}`)
    return result.output
  }
  const linked = () => there(`readlink ${LINK}`).trim()
  const delivered = () => readdirSync(at('/var/mail-here/new')).length
  /** As qmail-smtpd with QMAILQUEUE naming the link. */
  const inject = (message: string, code: number) =>
    there(
      `onescan inject /${message}.eml --from ann@example.org --to ben@example.org --program ${LINK} ` +
        "--env MAILDIR=/var/mail-here --env QHPSI='plugin: eicar' --env REJECTVIRUS=1",
      code,
    )
  /** Mail as it goes without onescan. */
  const queue = () =>
    there(
      `printf 'Fann@example.org\\0Tben@example.org\\0\\0' >/envelope
       MAILDIR=/var/mail-here ${LINK} </clean.eml 1</envelope`,
    )

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

  // Whoever could write there would have root wait, or read what is not his.
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
  const before = delivered()
  const codes = there(`
    while ! test -e /enough; do
      QHPSI='plugin: eicar' MAILDIR=/var/mail-here ${LINK} </clean.eml 1</envelope 2>>/log
      echo $?
    done >/codes &
    for step in -i/onescan.deb -ronescan -i/onescan.deb; do
      dpkg $(echo $step | sed 's/^../& /') >/dev/null 2>&1 || exit
    done
    touch /enough && wait $! && cat /codes`)
    .trim()
    .split('\n')
  t.equal(codes.filter((code) => code === '0').length, delivered() - before)
  t.ok(codes.length > 20, `${codes.length} messages`)
  const refused = codes.filter(
    (code) => (Number(code) >= 11 && Number(code) <= 40) || code === '115',
  )
  t.same(refused, [])

  t.match(there('dpkg -P onescan'), 'onescan: left: /etc/onescan/keys/clusterkeys')
  t.equal(linked(), REAL)
  const last = delivered()
  queue()
  t.equal(delivered(), last + 1)
  there('test -s /etc/onescan/keys/clusterkeys')
  there('test -e /var/spool/onescan', 1)
  there('test -e /etc/default/onescand', 1)

  t.match(there('dpkg -i /onescan.deb'), 'NOT SCANNED', 'installed again, it says where mail goes')
  const findings = there(
    `onescan check --user nobody --env QHPSI='plugin: eicar' --env QMAILHOME=/var/qmail`,
    2,
  )
  t.match(findings, finding('error', `${LINK}: leads to ${REAL}: mail through it is not scanned`))
}
