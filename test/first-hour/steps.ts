/** What is typed in the first hour, and where it stands to be read. */

export type Step =
  /** As a page of this project has it, to the letter. */
  | {
      readonly page: string
      readonly type: string
      readonly needs?: 'network'
      readonly expect?: RegExp
    }
  /** As what was printed before it says: the first group of each match. */
  | { readonly printed: RegExp }
  /** What the reader does by himself: sends mail, looks at a file. */
  | { readonly self: string; readonly needs?: 'network'; readonly expect?: RegExp }
  /** What the place is like that the reader comes to. Not printed. */
  | { readonly place: string; readonly network?: true }

/** Signatures: one, for the test file, since freshclam has nobody to ask here. */
const signatures = (hex: string): Step => ({
  place: `mkdir -p /var/lib/clamav && echo 'EICAR-Test:0:*:${hex}' >/var/lib/clamav/test.ndb`,
})

const EICAR = Buffer.from('X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*')

const bareDebian: readonly Step[] = [
  {
    place: `
      echo 'APT::Get::Assume-Yes "true"; Dpkg::Use-Pty "false"; quiet "1";' >/etc/apt/apt.conf.d/typed
      printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d; chmod 755 /usr/sbin/policy-rc.d
      echo mail.example.org >/etc/hostname; echo mail.example.org >/etc/mailname
      printf '127.0.0.1 localhost\\n192.0.2.1 mail.example.org mail\\n' >/etc/hosts
      apt-get update >/dev/null && apt-get install daemontools ucspi-tcp >/dev/null && mkdir /service`,
    network: true,
  },
]

const install: readonly Step[] = [
  {
    page: 'README.md',
    type: 'apt install --no-install-recommends ./build/onescan_*.deb clamav-daemon',
    needs: 'network',
  },
  { printed: /^onescan: {3}((?:sed|echo) .*)$/gm },
  signatures(EICAR.toString('hex')),
  { self: 'id onescan; stat -c "%G %a %n" /var/spool/onescan; readlink /etc/onescan/queue' },
]

const ready: Step = {
  place:
    'for i in $(seq 300); do test -S /run/onescan/slot.sock -a -S /run/clamav/clamd.ctl && break; sleep 0.1; done',
}

/** No bare Debian has a service manager that runs in a directory tree. */
const supervise: readonly Step[] = [
  { place: '(svscan /service </dev/null >/var/log/svscan 2>&1 &)' },
  {
    page: 'doc/install.md',
    type: `cp -r /usr/share/onescan/supervise/clamd /usr/share/onescan/supervise/onescand /etc/
ln -s /etc/clamd /etc/onescand /service/`,
  },
  ready,
  {
    self: 'svstat /service/onescand /service/clamd; ps -e -o user=,comm= | grep -E "onescan|clamd"',
    expect: /onescand/,
  },
]

const restart = (service: string): Step => ({
  page: 'doc/install.md',
  type: `svc -t /service/${service}`,
})

const settle: Step = { place: 'sleep 3' }

const send = (what: 'clean' | 'eicar', expect: RegExp): Step => ({
  self: `send 198.51.100.7 ${what}`,
  expect,
})

/** A host with qmail: stand-ins for qmail-smtpd and qmail-queue, the users of INSTALL.ids. */
export const qmail: readonly Step[] = [
  ...bareDebian,
  {
    place: `
      groupadd nofiles && groupadd qmail
      for user in qmaild; do useradd -M -g nofiles -d /var/qmail -s /usr/sbin/nologin $user; done
      for user in qmailq qmails; do useradd -M -g qmail -d /var/qmail -s /usr/sbin/nologin $user; done
      mkdir -p /var/qmail/control && echo mail.example.org >/var/qmail/control/me
      mkdir -p /var/mail-here/tmp /var/mail-here/new /var/mail-here/cur /var/mail-here/envelopes
      chmod 777 /var/mail-here/* && chown qmailq:qmail /var/qmail/bin/qmail-queue
      chmod 4711 /var/qmail/bin/qmail-queue`,
  },
  ...install,
  ...supervise,
  {
    page: 'doc/qmail.md',
    type: `onescan inject mail.eml --from ann@example.org --to ben@example.org \\
  --env QHPSI='plugin: clamd' --dry-run`,
  },
  { self: 'sh /usr/share/doc/onescan/examples/make-envdir' },
  { self: 'cp /usr/share/doc/onescan/examples/tcp.smtp /etc/tcp.smtp' },
  { page: 'README.md', type: 'tcprules /etc/tcp.smtp.cdb /etc/tcp.smtp.tmp </etc/tcp.smtp' },
  { self: 'cp /usr/share/doc/onescan/examples/run /service/smtpd/run' },
  // svscan looks every five seconds.
  { place: 'for i in $(seq 100); do svok /service/smtpd && break; sleep 0.1; done; sleep 1' },
  { page: 'doc/qmail.md', type: 'onescan check --run /service/smtpd/run' },
  send('clean', /^250 /),
  { self: 'head -3 /var/mail-here/new/*', expect: /^X-QHPSI: clean$/m },
  send('eicar', /^554 /),
  { self: 'grep decision= /var/log/svscan', expect: /decision=reject.*virus=/ },
  { page: 'doc/install.md', type: 'onescan check --removal' },
  { self: 'apt remove onescan' },
  send('eicar', /^250 /),
  { self: 'apt install ./build/onescan_*.deb' },
  send('eicar', /^554 /),
]

const settingsForPostfix: Step = {
  self: `cat >>/etc/default/onescand <<'END'
QHPSI="plugin: clamd"
REJECTVIRUS="1"
ONESCAND_OPTIONS="--milter unix:/var/spool/postfix/onescan/milter.sock"
END`,
}

/** A host with Postfix as Debian sets it up. */
export const postfix: readonly Step[] = [
  ...bareDebian,
  {
    place: `
      apt-get install --no-install-recommends postfix >/dev/null && useradd -m ben
      postconf -e myhostname=mail.example.org mydestination=mail.example.org,localhost \\
        maillog_file=/var/log/postfix.log inet_protocols=ipv4`,
    network: true,
  },
  ...install,
  ...supervise,
  { place: 'service postfix start >/dev/null' },
  settingsForPostfix,
  restart('onescand'),
  { self: 'cat /usr/share/doc/onescan/examples/postfix-main.cf >>/etc/postfix/main.cf' },
  { self: 'postfix reload' },
  settle,
  { page: 'README.md', type: 'onescan check' },
  send('clean', /^250 /),
  { place: 'for i in $(seq 100); do test -s /var/mail/ben && break; sleep 0.1; done' },
  { self: 'head -6 /var/mail/ben', expect: /^X-QHPSI: clean$/m },
  send('eicar', /^550 5\.7\.1 .*EICAR/),
  {
    self: 'ps -C onescand -o comm=; pidof onescand >/dev/null && echo pidof knows it',
    expect: /^onescand\n[\s\S]*knows/,
  },
  { page: 'doc/install.md', type: 'onescan check --removal' },
  { self: 'apt remove onescan' },
  { place: 'svc -dx /service/onescand; rm /service/onescand; sleep 1' },
  send('clean', /^451 /),
  { printed: /(postconf -e .*? && postfix reload)/g },
  { place: 'sleep 2' },
  send('eicar', /^250 /),
]

/** The same host without the package: by npm and Node of Debian, which bookworm has too old. */
export const npm: readonly Step[] = [
  ...bareDebian,
  {
    place: `
      apt-get install --no-install-recommends postfix >/dev/null && useradd -m ben
      postconf -e myhostname=mail.example.org mydestination=mail.example.org,localhost \\
        maillog_file=/var/log/postfix.log inet_protocols=ipv4`,
    network: true,
  },
  {
    self: 'apt install --no-install-recommends nodejs npm ca-certificates clamav-daemon',
    needs: 'network',
  },
  {
    page: 'doc/install.md',
    type: 'npm install -g ./onescan-0.1.0.tgz\nsh "$(npm root -g)/onescan/packaging/setup"',
    needs: 'network',
  },
  { self: 'echo "AlertExceedsMax yes" >>/etc/clamav/clamd.conf' },
  signatures(EICAR.toString('hex')),
  { place: '(svscan /service </dev/null >/var/log/svscan 2>&1 &)' },
  {
    place:
      'cp -r "$(npm root -g)/onescan/packaging/supervise/clamd" /etc/ && ln -s /etc/clamd /service/',
  },
  { page: 'doc/install.md', type: 'ln -s /etc/onescand /service/' },
  ready,
  { place: 'service postfix start >/dev/null' },
  settingsForPostfix,
  restart('onescand'),
  {
    self: 'cat "$(npm root -g)/onescan/packaging/examples/postfix-main.cf" >>/etc/postfix/main.cf',
  },
  { self: 'postfix reload' },
  settle,
  {
    page: 'README.md',
    type: 'onescan check',
    expect: /^ok +onescand \d+: runs since .* as onescan/m,
  },
  send('clean', /^250 /),
  { place: 'for i in $(seq 100); do test -s /var/mail/ben && break; sleep 0.1; done' },
  { self: 'head -6 /var/mail/ben', expect: /^X-QHPSI: clean$/m },
  send('eicar', /^550 5\.7\.1 .*EICAR/),
  {
    page: 'doc/install.md',
    type: 'sh "$(npm root -g)/onescan/packaging/setup"',
    expect: /^(?!.*(?:write|useradd|install) )/s,
  },
  {
    self: 'svc -d /service/onescand; sleep 1; onescan check',
    expect: /svc -u \/service\/onescand/,
  },
]
