import { type Step, send } from './step.ts'

/** The hosts that a reader comes with: a bare Debian with a mail server that works. */
export interface Host {
  readonly steps: readonly Step[]
  /** Commands that start the mail server, unless the reader does. */
  readonly start: readonly Step[]
  /** Shows the first lines of the last mail that came. */
  head(lines: number, expect: RegExp): readonly Step[]
  /** The last mail, as a file with nothing else in it. */
  readonly lastMail: string
}

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

const inMailbox = {
  head: (lines: number, expect: RegExp): readonly Step[] => [
    // The last mail of the file, which comes when the queue is done with it.
    { place: 'for i in $(seq 100); do test -s /var/mail/ben && break; sleep 0.1; done; sleep 1' },
    {
      self: `tac /var/mail/ben | sed '/^From /q' | tac | head -${lines}`,
      expect,
      shows: 'a scanned mail',
    },
  ],
  lastMail: `tac /var/mail/ben | sed '/^From /Q' | tac | sed '$d' >last.eml`,
}

/** Stand-ins for qmail-smtpd and qmail-queue, the users of INSTALL.ids. */
export const withQmail: Host = {
  steps: [
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
  ],
  start: [],
  head: (lines, expect) => [
    {
      self: `head -${lines} "$(ls -t /var/mail-here/new/* | head -1)"`,
      expect,
      shows: 'a scanned mail',
    },
  ],
  lastMail: 'cp "$(ls -t /var/mail-here/new/* | head -1)" last.eml',
}

/** Postfix as Debian sets it up. */
export const withPostfix: Host = {
  ...inMailbox,
  steps: [
    ...bareDebian,
    {
      place: `
        apt-get install --no-install-recommends postfix >/dev/null && useradd -m ben
        postconf -e myhostname=mail.example.org mydestination=mail.example.org,localhost \\
          maillog_file=/var/log/postfix.log inet_protocols=ipv4`,
      network: true,
    },
  ],
  start: [{ place: 'service postfix start >/dev/null' }],
}

/** Sendmail as Debian sets it up, but that it hears other hosts, asks no DNS, and does not mind a busy machine. */
export const withSendmail: Host = {
  ...inMailbox,
  steps: [
    ...bareDebian,
    {
      place: `
        apt-get install --no-install-recommends sendmail make >/dev/null && useradd -m ben
        sed -i 's/, Addr=127.0.0.1//' /etc/mail/sendmail.mc
        cat >/root/more <<'END'
FEATURE(\`accept_unresolvable_domains')dnl
define(\`confREFUSE_LA', \`1000')dnl
define(\`confQUEUE_LA', \`1000')dnl
define(\`confDOMAIN_NAME', \`mail.example.org')dnl
END
        sed -i '/^MAILER_DEFINITIONS/{
          r /root/more
          N
        }' /etc/mail/sendmail.mc
        echo mail.example.org >>/etc/mail/local-host-names
        make -C /etc/mail >/dev/null 2>&1`,
      network: true,
    },
  ],
  start: [{ place: 'service sendmail start >/dev/null' }],
}

/** What everybody tries once all stands: a message, a look at it, and the test file. */
export const firstMails = (host: Host, refusal: RegExp): readonly Step[] => [
  send('clean', /^250 /),
  ...host.head(12, /^X-QHPSI: clean$/m),
  send('eicar', refusal),
]
