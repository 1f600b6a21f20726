import { copyFileSync, cpSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { newestNode } from '../../packaging/toolchain/toolchain.mjs'
import { shellWord } from '../../src/base/text/shell-word.ts'
import { codeBlocks } from '../documents/code-blocks.ts'
import { POSTFIX, SENDMAIL } from './broken-hosts.ts'
import { DAEMONTOOLS, placeStandIns, QMAIL } from './stand-in-qmail.ts'

/** The ways by which mail comes to onescan on a host with Debian's packages, each as its page has it. */

const root = join(import.meta.dirname, '../..')
const blocks = codeBlocks()

/** What a page has to type: the block with these words, of which it must have one. The test itself types `onescan check`. */
export function typedBy(page: string, words: string): string {
  const found = blocks.filter((block) => block.page === page && block.text.includes(words))
  if (found.length !== 1) throw new Error(`${page}: ${found.length} blocks have ${words}`)
  return found[0]!.text.replaceAll(/^onescan check.*\n/gm, '')
}

/** Words that are in the text of a page, to the letter, whatever its lines. */
export function writtenBy(page: string, words: string): string {
  const text = readFileSync(join(root, page), 'utf8').replaceAll(/\s+/g, ' ')
  if (!text.includes(words)) throw new Error(`${page} lacks: ${words}`)
  return words
}

export interface HostWay {
  readonly name: string
  /** Debian's, beside clamd. */
  readonly packages: string
  /** Shell: the mail server as its host has it before onescan comes; `you` is a user. */
  readonly prepare: string
  /** Files that are no part of a Debian package, put below this directory. */
  readonly place?: (directory: string) => void
  /** Shell, with the mail server running: the commands of the page. */
  readonly typed: string
  /** Shell: the commands of the page for after an upgrade. */
  readonly again?: string
  /** Shell: the commands of the page that undo it. */
  readonly undone: string
  /** Ports of programs that mail passes on its way, beside 25. */
  readonly listens?: readonly number[]
  /** Shell that prints all mail which was delivered. */
  readonly delivered: string
  /** Whether the mail server refuses mail that is too large for clamd, instead of deferring it, as its page says. */
  readonly refusesLarge?: true
  /** The replies to EICAR with onescan, and without. */
  readonly virus: readonly [RegExp, RegExp]
  /** Warnings of `check` about limits that the page states. */
  readonly unsure?: Warnings
  /** The same of `check --mail`. */
  readonly limits?: Warnings
}

/** Warnings of `onescan check` by their names, as `--accept` has them, and their values. */
export type Warnings = Readonly<Record<string, RegExp>>

/** The warning that the check of a page accepts: local programs do not pass the filter. */
const localUnscanned = (page: string): Warnings => {
  const name = '/usr/sbin/sendmail, clean mail'
  writtenBy(page, `onescan check --mail you@example.org --accept '${name}'`)
  return { [name]: /^is accepted, but not scanned, like all mail of local programs/ }
}

const MAILBOX = 'cat /var/mail/you'
/** What waits in Postfix's queue until onescand is there again is tried at once. */
const FLUSHED = `postqueue -f; ${MAILBOX}`
const OPEN = [/^55[04]$/, /^250$/] as const
const AFTER_QUEUE = [/^250$/, /^250$/] as const
const WITH_CLAMD = [/^55[04]$/, /^55[04]$/] as const

const POSTFIX_UNDONE = writtenBy(
  'doc/postfix.md',
  'postconf -X smtpd_milters non_smtpd_milters message_reject_characters && postfix reload',
)
const [SIZE_LIMIT] = writtenBy('doc/postfix.md', 'set it to at most 25000000').match(/\d+/)!
const CLAMD_SOCKET = typedBy('doc/clamd-clients.md', 'onescan-clamd.socket\nsystemctl restart')

/** Debian's Exim as a host of the Internet. */
const EXIM = `sed -i "s/^dc_eximconfig_configtype=.*/dc_eximconfig_configtype='internet'/; s/^dc_other_hostnames=.*/dc_other_hostnames='example.org'/" /etc/exim4/update-exim4.conf.conf && update-exim4.conf && systemctl enable exim4`
const [EXIM_MAIN = '', EXIM_ACL = ''] = typedBy('doc/exim.md', 'av_scanner = clamd')
  .replace(/^#.*\n/, '')
  .split(/^#.*\n/m)
const [EXIM_SCRIPT] = /^sh .*exim-debian\n.*\n/m.exec(typedBy('doc/exim.md', 'exim-debian'))!
writtenBy('doc/exim.md', 'Run the script again after an upgrade, and restart Exim.')

/** rspamd without a name server, as its scan of local mail would wait for one. */
const RSPAMD = `${POSTFIX}; mkdir -p /etc/rspamd/local.d; umask 022
  echo 'dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }' >/etc/rspamd/local.d/options.inc
  postconf -e smtpd_milters=inet:localhost:11332 'non_smtpd_milters=$smtpd_milters' milter_default_action=accept; systemctl enable rspamd
  # On Debian 13 it waits for Postfix's idle connections before it stops.
  mkdir -p /etc/systemd/system/rspamd.service.d; printf '[Service]\\nTimeoutStopSec=20\\n' >/etc/systemd/system/rspamd.service.d/stop.conf`

/** amavis after Postfix's queue, as in its documentation. By default it discards what is infected. */
const AMAVIS = `${POSTFIX}; cat >/etc/amavis/conf.d/50-user <<'END'
use strict;
@bypass_virus_checks_maps = (\\%bypass_virus_checks, \\@bypass_virus_checks_acl, \\$bypass_virus_checks_re);
@bypass_spam_checks_maps = (1);
$forward_method = $notify_method = 'smtp:[127.0.0.1]:10025';
1;
END
  adduser clamav amavis; systemctl enable amavis
  postconf -e content_filter=smtp-amavis:[127.0.0.1]:10024
  postconf -M smtp-amavis/unix='smtp-amavis unix - - n - 2 smtp -o smtp_data_done_timeout=1200'
  postconf -M 127.0.0.1:10025/inet='127.0.0.1:10025 inet n - n - - smtpd -o content_filter='`
const AMAVIS_OLD = writtenBy(
  'doc/clamd-clients.md',
  '["CONTSCAN {}\\n", "/var/run/clamav/clamd.ctl"]',
)
const AMAVIS_NEW = writtenBy('doc/clamd-clients.md', "['{}/*', 'clamd:/run/onescan/clamd.sock']")
const AMAVIS_LINES = [
  `@keep_decoded_original_maps = (new_RE(${writtenBy('doc/clamd-clients.md', "qr'^MAIL$'")}));`,
  writtenBy('doc/clamd-clients.md', '$virus_scanners_failure_is_fatal = 1;'),
]
/** Replaces text of a file, which must have it. */
const replaceIn = (file: string, from: string, to: string) =>
  `python3 -c 'import sys; p, a, b = sys.argv[1:]; s = open(p).read(); assert a in s, a; open(p, "w").write(s.replace(a, b))' ${file} ${shellWord(from)} ${shellWord(to)}`

/** MIMEDefang as a milter, with the packaged filter; but a virus is refused, not discarded. */
const MIMEDEFANG = `${POSTFIX}; echo SOCKET=inet:10040@127.0.0.1 >>/etc/default/mimedefang; systemctl enable mimedefang
  sed -i 's/action_discard()/action_bounce("virus")/' /etc/mail/mimedefang-filter
  postconf -e smtpd_milters=inet:127.0.0.1:10040 'non_smtpd_milters=$smtpd_milters' milter_default_action=tempfail`
const MIMEDEFANG_SOCKET = writtenBy('doc/clamd-clients.md', 'LocalSocket /run/onescan/clamd.sock')
const MIMEDEFANG_FILTER = writtenBy(
  'doc/clamd-clients.md',
  "$Features{'Virus:CLAMDSCAN'} = '/usr/bin/clamdscan'; $Features{'Path:CLAMDCONF'} = '/etc/onescan/clamd.conf';",
)

/** Haraka from npm as a service, with a plugin that keeps mail in the place of a queue. */
const HARAKA = `node /opt/node_modules/Haraka/bin/haraka --install /haraka >/dev/null && mkdir /var/mail-here && cd /haraka &&
  printf 'listen=127.0.0.1:25\\nnodes=0\\n' >config/smtp.ini && echo take >config/plugins && cat >plugins/take.js <<'END'
const fs = require('fs')
exports.hook_rcpt = (next) => next(OK)
exports.hook_queue = (next, { transaction }) =>
  transaction.message_stream.pipe(fs.createWriteStream('/var/mail-here/' + transaction.uuid).on('finish', () => next(OK)))
END
  printf '[Service]\\nExecStart=/usr/bin/node /opt/node_modules/Haraka/bin/haraka -c /haraka\\n[Install]\\nWantedBy=multi-user.target\\n' >/etc/systemd/system/haraka.service
  systemctl enable haraka`
function placeHaraka(directory: string): void {
  const modules = join(root, 'test/programs/clamd-clients/node_modules')
  cpSync(modules, join(directory, 'opt/node_modules'), { recursive: true })
  copyFileSync(newestNode, join(directory, 'usr/bin/node'))
}

/** Postfix in front of Dovecot, version 2.3 or 2.4, with the mailbox of a virtual user: Debian's 2.4 drops the domain in LMTP. */
const DOVECOT = `${POSTFIX}; groupadd -g 5000 vmail; useradd -u 5000 -g vmail -d /var/vmail -s /usr/sbin/nologin vmail; install -d -o vmail -g vmail /var/vmail
  echo 'you@example.org:{PLAIN}x:5000:5000::/var/vmail/example.org/you' >/etc/dovecot/users
  case $(dovecot --version) in
    2.3*) printf 'mail_location = maildir:~/Maildir\\nuserdb {\\n driver = passwd-file\\n args = /etc/dovecot/users\\n}\\n' ;;
    *) printf '%s\\n' 'mail_driver = maildir' 'mail_path = ~/Maildir' 'mail_inbox_path = ~/Maildir' 'userdb passwd-file {' 'passwd_file_path = /etc/dovecot/users' '}' 'protocol lmtp {' 'auth_username_format = %{user | lower}' '}' ;;
  esac >/etc/dovecot/local.conf; systemctl enable dovecot
  postconf -e mydestination=localhost virtual_mailbox_domains=example.org virtual_transport=lmtp:unix:/run/dovecot/lmtp
  postconf -F lmtp/unix/chroot=n`

const RESTARTED = 'svc -t /service/qmail-smtpd; sleep 3'
/** The page's run script for vpopmail, whose tcpserver had both as its account. */
const VPOPMAIL_RUN = typedBy('doc/qmail.md', 'exec softlimit -a')
/** Where IndiMail has its files, and rules that name them. */
const INDIMAIL = `mkdir -p /etc/indimail/tcp; mv /var/qmail/control /etc/indimail; mv /var/qmail/bin/qmail-queue /usr/sbin
  mv /service/qmail-smtpd /service/qmail-smtpd.25; sed -i 's|/etc/tcp.smtp|/etc/indimail/tcp/tcp.smtp|' /service/qmail-smtpd.25/run`
const INDIMAIL_CONTROL = 'CONTROLDIR="/etc/indimail/control"'
const INDIMAIL_RULE = writtenBy(
  'doc/qmail.md',
  `:allow,QMAILQUEUE="/etc/onescan/queue",QHPSI="plugin: clamd",REJECTVIRUS="1",QUEUECHAIN="/usr/sbin/qmail-queue",${INDIMAIL_CONTROL}`,
)
/** Rules of a service of IndiMail. */
const indimailRules = (rule: string) =>
  `echo '${rule}' >/etc/indimail/tcp/tcp.smtp; cd /etc/indimail/tcp && (umask 022; tcprules tcp.smtp.cdb tcp.smtp.tmp <tcp.smtp)`

export const hostWays: readonly HostWay[] = [
  {
    name: 'Postfix',
    packages: 'postfix',
    // A syslog that is no longer there has left a file behind, as on hosts that were upgraded.
    prepare: `${POSTFIX}; install -m 640 -g adm /dev/null /var/log/mail.log; touch -d '30 days ago' /var/log/mail.log`,
    typed: `${typedBy('README.md', 'postfix-milter')}
      postconf -e message_size_limit=${SIZE_LIMIT}; postfix reload`,
    refusesLarge: true,
    undone: POSTFIX_UNDONE,
    delivered: MAILBOX,
    virus: OPEN,
  },
  {
    name: 'Postfix, with a milter beside rspamd',
    packages: 'postfix rspamd',
    prepare: RSPAMD,
    listens: [11332],
    // By the remedy of check, which has the commands of the page.
    typed: typedBy('README.md', 'postfix-milter').replace(
      /^(sh \S+)\n(postfix reload)\n/m,
      `remedy=$(onescan check --json 2>/dev/null | sed -n 's/.*"what":"smtpd_milters".*; if not, \\([^"]*\\)".*/\\1/p')
      test "$remedy" = '$1 && $2' && eval "$remedy"\n`,
    ),
    undone: `postconf -e "$(postconf smtpd_milters | sed 's/, *{.*}//; s/ *{.*}//')"; postfix reload`,
    delivered: MAILBOX,
    virus: OPEN,
  },
  {
    name: 'Postfix, over SMTP after its queue',
    packages: 'postfix',
    prepare: POSTFIX,
    typed: typedBy('doc/postfix.md', 'postfix-after-queue'),
    undone: `postconf -X content_filter receive_override_options
      ${writtenBy('doc/postfix.md', 'postfix reload && postsuper -r ALL deferred')}
      sed -i '/^# For Postfix.s master.cf: all mail goes from the queue/,$d' /etc/postfix/master.cf; postfix reload`,
    delivered: FLUSHED,
    virus: AFTER_QUEUE,
  },
  {
    name: 'Postfix, over SMTP before its queue',
    limits: localUnscanned('doc/postfix.md'),
    packages: 'postfix',
    prepare: POSTFIX,
    typed: `${typedBy('doc/postfix.md', 'ONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026"')}
      cp -a /etc/postfix/master.cf /root/master.cf; sed -i '/^smtp  *inet/d' /etc/postfix/master.cf
      cat /usr/share/onescan/examples/postfix/postfix-before-queue.cf >>/etc/postfix/master.cf
      ${typedBy('doc/postfix.md', '--accept')}`,
    undone: 'cp -a /root/master.cf /etc/postfix/master.cf; postfix reload',
    delivered: MAILBOX,
    virus: OPEN,
  },
  {
    name: 'Sendmail',
    limits: { 'port 587': /^requires authentication/ },
    packages: 'sendmail make',
    prepare: SENDMAIL,
    typed: typedBy('doc/other-servers.md', 'sendmail.mc >>'),
    undone: `sed -i '/onescan/d' /etc/mail/sendmail.mc; make -C /etc/mail; systemctl restart sendmail`,
    delivered: MAILBOX,
    virus: OPEN,
  },
  {
    name: 'Exim, as a client of clamd',
    limits: localUnscanned('doc/exim.md'),
    packages: 'exim4-daemon-heavy',
    prepare: EXIM,
    typed: `${typedBy('doc/exim.md', 'onescan-clamd.socket')}
      printf '%s' '${EXIM_MAIN}' >>/etc/exim4/exim4.conf.localmacros
      echo '${writtenBy('doc/exim.md', 'MESSAGE_SIZE_LIMIT = 25000000')}' >>/etc/exim4/exim4.conf.localmacros
      printf '%s' '${EXIM_ACL}' >/acl; sed -i '/^acl_check_data:$/r /acl' /etc/exim4/exim4.conf.template
      update-exim4.conf && systemctl restart exim4`,
    refusesLarge: true,
    undone: `sed -i '/^av_scanner/d; /^MESSAGE_SIZE_LIMIT/d' /etc/exim4/exim4.conf.localmacros
      sed -i '/^deny malware/,+1d' /etc/exim4/exim4.conf.template; update-exim4.conf && systemctl restart exim4`,
    delivered: MAILBOX,
    virus: OPEN,
  },
  {
    name: 'Exim, over SMTP',
    packages: 'exim4-daemon-light',
    prepare: EXIM,
    typed: typedBy('doc/exim.md', 'exim-debian'),
    again: EXIM_SCRIPT,
    undone: `cp -a "$(ls -d /etc/exim4.before-onescan.* | head -n 1)"/. /etc/exim4/; update-exim4.conf && systemctl restart exim4`,
    delivered: MAILBOX,
    virus: OPEN,
  },
  {
    name: 'rspamd, as a client of clamd',
    packages: 'postfix rspamd',
    prepare: `${RSPAMD}
  # With whole messages, or rspamd does not show clamd the EICAR of the test, which is the body.
  echo 'clamav { type = "clamav"; action = "reject"; servers = "/run/clamav/clamd.ctl"; scan_mime_parts = false; }' >/etc/rspamd/local.d/antivirus.conf`,
    listens: [11332],
    typed: `{ ${typedBy('doc/clamd-clients.md', 'rspamadm configtest')} } <<'END'\ny\ny\ny\nEND`,
    undone: `rm -r /etc/rspamd/local.d; mv /root/rspamd-local.d /etc/rspamd/local.d
      sed -i '/^SCANFAIL_CLAMD=/d' /etc/default/onescand; systemctl restart rspamd onescand`,
    delivered: MAILBOX,
    virus: WITH_CLAMD,
  },
  {
    name: 'amavis, as a client of clamd',
    unsure: { content_filter: /: it is unknown whether this filter uses onescand as clamd/ },
    packages: 'postfix amavisd-new',
    prepare: AMAVIS,
    typed: `${CLAMD_SOCKET}
      ${replaceIn('/etc/amavis/conf.d/15-av_scanners', AMAVIS_OLD, AMAVIS_NEW)}
      sed -i '$d' /etc/amavis/conf.d/50-user; cat >>/etc/amavis/conf.d/50-user <<'END'
${AMAVIS_LINES.join('\n')}
1;
END
      systemctl restart amavis`,
    undone: `${replaceIn('/etc/amavis/conf.d/15-av_scanners', AMAVIS_NEW, AMAVIS_OLD)}; systemctl restart amavis`,
    listens: [10024],
    delivered: FLUSHED,
    virus: AFTER_QUEUE,
  },
  {
    name: 'MIMEDefang, as a client of clamd',
    unsure: {
      smtpd_milters:
        /^inet:127\.0\.0\.1:10040: it is unknown whether this filter uses onescand as clamd/,
    },
    // Debian's package does not name all that it needs.
    packages: 'postfix mimedefang libnet-dns-perl',
    prepare: MIMEDEFANG,
    listens: [10040],
    typed: `${CLAMD_SOCKET}
      echo '${MIMEDEFANG_SOCKET}' >/etc/onescan/clamd.conf; cp /etc/mail/mimedefang-filter /filter
      cat - /filter >/etc/mail/mimedefang-filter <<'END'
${MIMEDEFANG_FILTER}
$Features{'Virus:CLAMD'} = 0;
END
      systemctl restart mimedefang`,
    undone: 'cp /filter /etc/mail/mimedefang-filter; systemctl restart mimedefang',
    delivered: FLUSHED,
    virus: [/^55[04]$/, /^(250|55[04])$/],
  },
  {
    name: 'Haraka, as a client of clamd',
    packages: 'libatomic1',
    place: placeHaraka,
    prepare: HARAKA,
    typed: `${CLAMD_SOCKET}
      cd /haraka && sed -i '1i clamd' config/plugins && echo '${writtenBy('doc/clamd-clients.md', 'clamd_socket=127.0.0.1:3311')}' >config/clamd.ini
      sed -i 's/^bytes=.*/bytes=20000000/' config/connection.ini; systemctl restart haraka`,
    undone: "sed -i '/^clamd$/d' /haraka/config/plugins; systemctl restart haraka",
    delivered: 'cat /var/mail-here/*',
    virus: OPEN,
  },
  {
    name: 'Postfix, with Dovecot over LMTP',
    packages: 'postfix dovecot-lmtpd',
    prepare: DOVECOT,
    typed: `${typedBy('doc/other-servers.md', '--next unix:/run/dovecot/lmtp')}
      ${typedBy('doc/other-servers.md', 'virtual_transport = scan-lmtp')}`,
    undone: 'postconf -e virtual_transport=lmtp:unix:/run/dovecot/lmtp; postfix reload',
    delivered: `postqueue -f; find /var/vmail -type f -path '*/Maildir/*/*' -exec cat {} +`,
    virus: AFTER_QUEUE,
  },
  {
    name: 'qmail',
    packages: DAEMONTOOLS,
    prepare: QMAIL,
    place: placeStandIns,
    typed: `echo y | sh /usr/share/onescan/examples/qmail/qmail-run; ${typedBy('README.md', 'qmail-rules')}`,
    undone: writtenBy('doc/qmail.md', 'ln -sfn /var/qmail/bin/qmail-queue /etc/onescan/queue'),
    delivered: 'cat /var/mail-here/new/*',
    virus: OPEN,
  },
  {
    name: 'qmail, with vpopmail',
    packages: DAEMONTOOLS,
    prepare: `${QMAIL}; groupadd vchkpw; useradd -m -g vchkpw vpopmail; sed -i 's/qmaild/vpopmail/g' /service/qmail-smtpd/run`,
    place: placeStandIns,
    typed: `sh /usr/share/onescan/examples/qmail/qmail-run --yes 2>&1 | grep vchkpw && { echo '#!/bin/sh'; cat <<'END'
${VPOPMAIL_RUN}END
      } >/service/qmail-smtpd/run; ${RESTARTED}
      sh /usr/share/onescan/examples/qmail/qmail-run; ${typedBy('README.md', 'qmail-rules')}`,
    undone: writtenBy('doc/qmail.md', 'ln -sfn /var/qmail/bin/qmail-queue /etc/onescan/queue'),
    delivered: 'cat /var/mail-here/new/*',
    virus: OPEN,
  },
  {
    name: 'qmail, with the places of IndiMail',
    packages: DAEMONTOOLS,
    prepare: `${QMAIL}; ${INDIMAIL}; ${indimailRules(':allow')}`,
    place: placeStandIns,
    typed: `echo y | sh /usr/share/onescan/examples/qmail/qmail-run /service/qmail-smtpd.25
      ${indimailRules(INDIMAIL_RULE)}
      echo '${INDIMAIL_CONTROL}' >>/etc/default/onescand; systemctl restart onescand`,
    undone: `ln -sfn ${writtenBy('doc/qmail.md', '/usr/sbin/qmail-queue')} /etc/onescan/queue`,
    delivered: 'cat /var/mail-here/new/*',
    virus: OPEN,
  },
]
