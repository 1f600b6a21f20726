import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { terminalWork, typist } from '../programs/host/terminal.ts'
import { bareHostMissing, makeBareHost } from './bare-host.ts'
import { earlierPackage } from './earlier-package.ts'
import { CLIENT, LINK, putQmail, REAL } from './mail-here.ts'

/**
 * The maintainer scripts from each state of the package to each other one, with files in
 * their way that others could have put there.
 */

const UNSCANNED = /WARNING: \/etc\/onescan\/queue points to .*\n.* NOT SCANNED/

/** As dpkg -s shows it. */
type State = 'ok installed' | 'ok config-files' | 'ok unpacked' | 'ok half-configured' | 'none'

interface Row {
  readonly name: string
  /** Shell: how the host comes to be as it is. */
  readonly before?: string
  /** Shell: what is mounted then, below "$1". */
  readonly mounts?: string
  /** Shell: what is done then, with hostile files in place. */
  readonly does: string
  /** Its exit code; 0 where it is not given. */
  readonly code?: number
  readonly state: State
  /** Where the link for QMAILQUEUE leads; undefined where there is none. */
  readonly link: string | undefined
  /** Whether mail is queued then; else it is deferred. Default: where the package is whole. */
  readonly queues?: boolean
  readonly prints?: RegExp
  readonly printsNot?: RegExp
}

const install = 'dpkg -i /onescan.deb'
const remove = 'dpkg -r onescan'
const purge = 'dpkg -P onescan'
const KEPT = '/var/lib/onescan/quarantine/virus/2026-01-01'
const unpack = 'dpkg --unpack /onescan.deb'
const configure = 'dpkg --configure onescan'
const away = `mv ${REAL} ${REAL}.away`
/** What a damaged program does: the self-test does not pass. */
const damage = 'chmod 0 /usr/lib/onescan/onescan-run'
const mend = 'chmod 755 /usr/lib/onescan/onescan-run'
const PERSON = 'userdel onescan; useradd --shell /bin/bash onescan'
const ourLink = { link: CLIENT, state: 'ok installed', printsNot: UNSCANNED } as const

const rows: readonly Row[] = [
  { name: 'install', does: install, ...ourLink },
  { name: 'install twice', before: install, does: install, ...ourLink },
  {
    name: 'remove',
    before: install,
    does: remove,
    state: 'ok config-files',
    link: REAL,
    prints: /\/queue -> .*: mail is no longer scanned, and QUEUECHAIN is not used/,
    printsNot: /Postfix/,
  },
  {
    name: 'remove on a host whose Postfix uses onescand: the setting is named',
    before: [
      install,
      "{ echo '#!/bin/sh'; echo 'echo smtpd_milters = unix:onescan/milter.sock'; } >/usr/sbin/postconf",
      'chmod 755 /usr/sbin/postconf',
    ].join('; '),
    does: `${remove}; rm /usr/sbin/postconf`,
    state: 'ok config-files',
    link: REAL,
    prints:
      /^warning: Postfix still uses onescand;.*\nsmtpd_milters = unix:onescan\/milter\.sock$/m,
    printsNot: /mydomain/,
  },
  {
    name: 'remove on a host whose mail servers use onescand: their files are named',
    before: [
      install,
      `echo 'ONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --after-queue"' >>/etc/default/onescand`,
      'mkdir -p /etc/mail /etc/exim4 /etc/rspamd/local.d /etc/amavis/conf.d',
      "echo 'Xonescan, S=local:/run/onescan/milter.sock' >/etc/mail/sendmail.cf",
      "echo 'av_scanner = clamd:127.0.0.1 3311' >/etc/exim4/exim4.conf.localmacros",
      "echo 'route_list = * 127.0.0.1::10025' >/etc/exim4/exim4.conf.template",
      `echo '# servers = "127.0.0.1:3311";' >/etc/rspamd/local.d/antivirus.conf`,
      "echo 'x = [127.0.0.1]:100250' >/etc/amavis/conf.d/50-user",
    ].join('; '),
    does: remove,
    state: 'ok config-files',
    link: REAL,
    prints:
      /^warning: these settings of mail servers still use onescand; .*\n\/etc\/exim4\/exim4\.conf\.localmacros\n\/etc\/exim4\/exim4\.conf\.template\n\/etc\/mail\/sendmail\.cf$/m,
    printsNot: /^\/etc\/(?:rspamd|amavis)|Postfix/m,
  },
  {
    name: 'install without a qmail-queue: the link is not mentioned',
    before: away,
    does: install,
    ...ourLink,
    queues: false,
    printsNot: /QMAILQUEUE|qmail-queue/,
  },
  {
    name: 'install, remove without a qmail-queue',
    before: `${away}; ${install}`,
    does: remove,
    state: 'ok config-files',
    link: REAL,
    queues: false,
    prints: /queue -> \/var\/qmail\/bin\/qmail-queue, which does not exist: .* deferred/,
  },
  {
    name: 'install, remove, install without a qmail-queue: the link is back, which is reported',
    before: `${away}; ${install}; ${remove}`,
    does: install,
    ...ourLink,
    queues: false,
    prints: /queue -> \/usr\/lib\/onescan\/onescanc again/,
  },
  {
    name: 'purge without a qmail-queue',
    before: `${away}; ${install}`,
    does: purge,
    state: 'none',
    link: undefined,
  },
  {
    name: 'an installation makes the quarantine, also without systemd',
    does: `${install}; stat -c '%U %a' /var/lib/onescan/quarantine`,
    prints: /^onescan 700$/m,
    ...ourLink,
  },
  {
    name: 'a purge leaves a quarantine that holds mail, and reports it',
    before: `${install}; mkdir -p ${KEPT} && echo kept mail >${KEPT}/1`,
    does: `${purge} && cat ${KEPT}/1`,
    state: 'none',
    link: REAL,
    prints: /^onescan: left: \/var\/lib\/onescan\/quarantine may hold mail;[\s\S]*^kept mail$/m,
  },
  {
    name: 'a purge leaves rules that were moved for the page, and nothing else',
    before: `${install}; mkdir -p /var/lib/onescan/policy && echo rules >/var/lib/onescan/policy/policy`,
    does: `${purge} && cat /var/lib/onescan/policy/policy && ls /var/lib/onescan`,
    state: 'none',
    link: REAL,
    prints: /^onescan: left: \/var\/lib\/onescan\/policy\n[\s\S]*^rules\npolicy$/m,
  },
  {
    name: 'a purge leaves a quarantine that cannot be searched',
    before: `${install}; mkdir -p ${KEPT} && echo kept mail >${KEPT}/1`,
    does: `mv /usr/bin/find /find; ln -s /bin/false /usr/bin/find
      ${purge}; mv -T /find /usr/bin/find; cat ${KEPT}/1`,
    state: 'none',
    link: REAL,
    prints: /^onescan: left: \/var\/lib\/onescan\/quarantine may hold mail;[\s\S]*^kept mail$/m,
  },
  {
    name: 'a purge enters nothing that is mounted, and shows what it leaves',
    before: install,
    mounts: `mkdir "$1/var/spool/onescan/x" && mount -t tmpfs none "$1/var/spool/onescan/x" &&
      mount --bind "$1/root" "$1/var/lib/onescan/quarantine"`,
    does: `${purge} && cat /var/lib/onescan/quarantine/secret && mountpoint /var/spool/onescan/x`,
    state: 'none',
    link: REAL,
    prints:
      /quarantine may hold mail;[\s\S]* left: \/var\/spool\/onescan: a file system is mounted there, [\s\S]*^secret\n\S+ is a mountpoint$/m,
  },
  {
    // promise: root-removal
    name: 'purge, install: mail is unscanned, which is reported',
    before: `${install}; ${purge}`,
    does: install,
    state: 'ok installed',
    link: REAL,
    prints: UNSCANNED,
  },
  {
    name: 'upgrade where the administrator points past onescan: it is reported again',
    before: `${install}; ln -sfn ${REAL} ${LINK}`,
    does: install,
    state: 'ok installed',
    link: REAL,
    prints: UNSCANNED,
  },
  {
    name: 'remove what was only unpacked',
    before: unpack,
    does: remove,
    state: 'ok config-files',
    link: undefined,
  },
  {
    name: 'purge what was only unpacked',
    before: unpack,
    does: purge,
    state: 'none',
    link: undefined,
  },
  {
    name: 'configure a damaged program',
    before: `${unpack}; ${damage}`,
    does: configure,
    code: 1,
    state: 'ok half-configured',
    link: CLIENT,
    prints: /self-test: /,
  },
  {
    name: 'configure it when it is mended',
    before: `${unpack}; ${damage}; ${configure}; ${mend}`,
    does: configure,
    ...ourLink,
  },
  {
    name: 'install over what is damaged',
    before: `${unpack}; ${damage}; ${configure}`,
    does: 'dpkg -i /onescan-runtime.deb /onescan.deb',
    ...ourLink,
  },
  {
    name: "a person's account of that name is not taken, and the remedy is printed",
    before: PERSON,
    does: install,
    code: 1,
    state: 'ok half-configured',
    link: undefined,
    prints: /the account onescan already exists with the login shell \/bin\/bash/,
  },
  {
    name: 'the printed remedy works',
    before: `${PERSON}; ${install}`,
    does: `usermod --shell /usr/sbin/nologin onescan; ${configure}`,
    ...ourLink,
  },
  {
    name: 'remove what is damaged',
    before: `${unpack}; ${damage}; ${configure}`,
    does: remove,
    state: 'ok config-files',
    link: REAL,
  },
  {
    name: 'purge what is damaged',
    before: `${unpack}; ${damage}; ${configure}`,
    does: purge,
    state: 'none',
    link: REAL,
  },
  {
    name: 'an install that breaks off while files are unpacked',
    before: 'dpkg -i /other.deb',
    does: install,
    code: 1,
    state: 'none',
    link: undefined,
  },
  {
    name: 'an upgrade that breaks off while files are unpacked',
    before: `${install}; dpkg -i --force-overwrite /other.deb; rm -f /etc/dpkg/dpkg.cfg.d/overwrite`,
    does: install,
    code: 1,
    ...ourLink,
  },
  {
    name: "install with root's own TMPDIR, umask, PATH and variables of the linker",
    does: `mkdir -m 700 -p /root/tmp; export TMPDIR=/root/tmp LD_BIND_NOW=1 PATH="/root/bin:$PATH"
      umask 077; cd /root; ${install}`,
    ...ourLink,
  },
  {
    name: 'install where TMPDIR leads nowhere',
    does: `TMPDIR=/nonexistent ${install}`,
    ...ourLink,
  },
  {
    name: 'an upgrade without systemd fails if it removes a program that runs, and names its package',
    before: 'dpkg -P onescan onescan-runtime; dpkg -i /earlier.deb; cp /bin/sleep /tmp/smtp-delay',
    does: '/tmp/smtp-delay 100 & dpkg -i --auto-deconfigure /onescan-runtime.deb /onescan.deb',
    code: 1,
    state: 'ok half-configured',
    link: CLIENT,
    queues: true,
    prints:
      /WARNING: onescan-rcptquota is in the package onescan-quotad now[\s\S]*ERROR: smtp-delay runs [\s\S]* package smtp-delay of the same version, then run: dpkg --configure --pending/,
  },
]

/** The host as it was, but for the accounts. */
const reset = `
  dpkg -P onescan onescan-quotad other >/dev/null 2>&1
  ${mend}
  test ! -e ${REAL}.away || mv ${REAL}.away ${REAL}
  rm -rf /etc/onescan /var/lib/onescan /var/spool/onescan /run/onescan /run/onescand /run/systemd`

/**
 * What a user of the host, or who took over a service, could have left where the scripts
 * write, and what a script that was killed leaves there.
 */
const plant = `
  for place in /var/spool/onescan /run/onescan /run/onescand; do
    test -d $place || continue
    ln -sfn /precious $place/qmail.sock
    ln -sfn / $place/root
    mkdir -p $place/deep && ln -sfn /precious $place/deep/link
    chown -hR onescan: $place/qmail.sock $place/root $place/deep
  done
  test -d /etc/onescan && ln -sfn /precious /etc/onescan/queue.new
  test -d /var/lib/onescan && ln -sfn / /var/lib/onescan/queue.new
  test -d /etc/onescan/keys && ln -sfn /precious /etc/onescan/keys/clusterkeys
  true`

const precious = "stat -c '%n %U:%G %a' /precious /etc/shadow / /root /root/secret"

t.test('maintainer scripts', { skip: bareHostMissing }, async (t) => {
  const bare = await makeBareHost(t)
  const { at, must } = bare
  putQmail(at)
  copyFileSync(earlierPackage(t, bare.package), at('/earlier.deb'))

  /** Runs a script there; its output, and its code. */
  const there = (script: string) => bare.run(script)

  must(`echo precious >/precious && chmod 600 /precious
    echo secret >/root/secret && chmod 600 /root/secret
    mkdir -p /other/DEBIAN /other/usr/sbin && touch /other/usr/sbin/onescand
    printf 'Package: other\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n' >/other/DEBIAN/control
    dpkg-deb --build /other >/dev/null`)
  const untouched = must(precious)

  for (const {
    name,
    before = '',
    mounts,
    does,
    code = 0,
    state,
    link,
    queues,
    prints,
    printsNot,
  } of rows) {
    await t.test(name, async (t) => {
      must(`${reset}\n(${before || ':'}) >/dev/null 2>&1\n${plant}`)
      const done = bare.run(does, mounts)
      t.equal(done.code, code, done.output)
      const [seenState, seenLink, ...others] = must(`
        dpkg-query -W -f '\${Status}' onescan 2>/dev/null | sed 's/^[a-z]* //; s/ok not-installed//'
        echo; readlink ${LINK} || echo
        ${precious}; cat /precious`).split('\n')
      t.equal(seenState || 'none', state)
      t.equal(seenLink || undefined, link)
      t.equal(others.join('\n'), `${untouched}precious\n`, 'nobody got anything by a link')
      if (prints) t.match(done.output, prints)
      if (printsNot) t.notMatch(done.output, printsNot)
      if (link === undefined) return
      const mail = there(
        `MAILDIR=/var/mail-here QHPSI='plugin: eicar' ${LINK} </clean.eml 1</envelope`,
      )
      const works = queues ?? state !== 'ok half-configured'
      t.equal(mail.code === 0, works, `mail is ${works ? 'queued' : 'deferred'}: ${mail.output}`)
      if (!works) t.ok([120, 126, 127].includes(mail.code!), `temporarily: ${mail.code}`)
    })
  }

  // promise: bad-smtpd-or-quotad
  await t.test(
    'accounts that ask onescand have no keys, and those with keys need not ask',
    async () => {
      must(`${reset}; ${install} /onescan-quotad.deb
      (umask 027; echo x >/etc/onescan/keys/clusterkeys)`)
      const read = (account: string) =>
        there(`setpriv ${account} cat /etc/onescan/keys/clusterkeys >/dev/null`).code
      t.not(
        read('--reuid=nobody --regid=onescan --clear-groups'),
        0,
        'qmail-smtpd, as doc/install.md has it',
      )
      t.not(read('--reuid=onescan-check --regid=onescan-check --clear-groups'), 0)
      t.not(read('--reuid=onescan-quotad --regid=onescan-quotad --clear-groups'), 0)
      t.equal(read('--reuid=onescan --regid=onescan --init-groups'), 0, 'onescand')
    },
  )

  // promise: bad-smtpd-or-quotad
  await t.test('an account that was taken out of a group stays out', async (t) => {
    must(`${reset}; ${install} >/dev/null 2>&1; id -nG onescan | grep -qw onescan-keys`)
    must(`gpasswd -d onescan onescan-keys >/dev/null
      dpkg-reconfigure onescan >/dev/null 2>&1 || sh /var/lib/dpkg/info/onescan.postinst configure 0.1.0
      dpkg -i /onescan.deb >/dev/null 2>&1`)
    t.notMatch(must('id -nG onescan'), 'onescan-keys')
    must('gpasswd -a onescan onescan-keys >/dev/null')
  })

  await t.test('a spool of several users gets the sticky bit, and keeps the rest', async (t) => {
    const spool = (mode: string) =>
      must(`${reset}; install -d -m ${mode} /var/spool/onescan; ${install} >/dev/null 2>&1
        stat -c %a /var/spool/onescan`).trim()
    t.equal(spool('2730'), '3730')
    t.equal(spool('2770'), '3770')
    t.equal(spool('0700'), '700')
  })

  // promise: root-runs-nothing
  await t.test(
    'the self-test runs under its own account, and cannot type at the terminal of root',
    async (t) => {
      writeFileSync(at('/typist'), typist, { mode: 0o755 })
      writeFileSync(at('/work'), terminalWork(configure, '/typed'))
      must(`${reset}; rm -f /typed; : >/log; chmod 666 /log; (${unpack}) >/dev/null 2>&1
      printf '#!/bin/sh\\nprintf "\\\\033]0;owned\\\\007"\\nexec /typist /log\\n' >/usr/lib/onescan/onescan-run`)
      const { output } = there("mkfifo /input; script -q -c 'sh /work' /dev/null <>/input; true")
      t.match(output, /self-test: onescanc/, 'what it did instead of its work is noticed')
      t.notMatch(output, '\x1b]', 'and its output is made harmless')
      const log = readFileSync(at('/log'), 'latin1')
      const uid = must('id -u onescan-check').trim()
      t.match(log, new RegExp(`^uid=${uid} reached=\n`))
      t.same([...new Set(log.trim().split('\n'))], [`uid=${uid} reached=`])
      t.equal(readFileSync(at('/typed'), 'latin1'), '')
      t.not(must('id -u onescan').trim(), uid)
    },
  )
})
