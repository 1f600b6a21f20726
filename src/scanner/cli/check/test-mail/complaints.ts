import { existsSync } from 'node:fs'
import { hasSystemd } from '../../host/systemd-unit.ts'
import { eximUnit } from '../mail-server-config/exim-sources.ts'

/** What the programs of a mail server log about themselves, and what helps against it, by the kind of error. */

/** A complaint of a mail server of this host. */
export interface ServerComplaint {
  /** The line without its time, its host and the numbers of processes. Anyone may have chosen words in it. */
  readonly text: string
  readonly remedy: string
  /** Set if a filter was not reached: how the server defers mail meanwhile. */
  readonly defers?: string
  /** Whether it is about certificates and keys, which only TLS needs. */
  readonly isAboutTls: boolean
  /** Whether a program has ended. Postfix starts it again only after a minute. */
  readonly isEnd: boolean
  /** Which of several complaints shows the cause: the lowest. */
  readonly rank: number
}

type ServerName = 'Postfix' | 'Sendmail' | 'Exim' | 'Dovecot' | 'tcpserver'

/** The forms of such lines, with the program and the text. */
const FORMS: readonly (readonly [ServerName, RegExp])[] = [
  ['Postfix', /\b(postfix[\w/-]{0,60})\[\d{1,10}\]: ((?:warning|error|fatal|panic): .*)/],
  ['Sendmail', /\b(sm-mta|sm-msp|sendmail)\[\d{1,10}\]: (?:\w{1,40}: )?((?:SYSERR|Milter) ?\(.*)/],
  ['Dovecot', /\b(dovecot)(?:\[\d{1,10}\])?: ((?:lmtp|lda|master|config|auth|ssl-params)[^:]{0,200}: (?:Error|Fatal|Panic): .*)/], // biome-ignore format: a row
  ['tcpserver', /\b(tcpserver): ((?:fatal|warning): .*)/],
  ['Exim', /\b(exim)4?\[\d{1,10}\]: (.*)/],
  ['Exim', /^()\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})? (?:[+-]\d{4} )?(?:\[\d{1,10}\] )?(?:[\w-]{16,40} )?(.*)/], // biome-ignore format: a row
]

/** What names another host, or the mail of others: no line with it is about this host. */
const OF_OTHERS =
  /\[(?!127\.|::1\])[\d.]+\]|\[(?!::1\])[\da-fA-F]*:[\da-fA-F:.]+\]|^(?:<=|[=-]>|==|\*\*|>>|\*>) | (?:connection from|greeting from|timeout writing)/

/** Programs of Postfix that any user runs, with arguments of their own. */
const OF_USERS = /^postfix\S*\/(?:sendmail|postdrop|postqueue|postmap|postalias|postconf|postlog)$/

const SPOOL = '/var/spool/exim4'

/** Where mail servers have their certificate. */
export const TLS_SETTINGS =
  'in Postfix smtpd_tls_chain_files, or smtpd_tls_cert_file and smtpd_tls_key_file; in Exim tls_certificate and tls_privatekey, by default exim.crt and exim.key in /etc/exim4; in Sendmail confSERVER_CERT and confSERVER_KEY'

/** Returns the command that starts a server again: a program of Postfix that has ended would otherwise wait for a minute. */
function howToRestart(server: ServerName): string {
  switch (server) {
    case 'Postfix':
      return hasSystemd() ? 'systemctl restart postfix' : 'postfix stop; postfix start'
    case 'Exim':
      return `systemctl restart ${eximUnit()}`
    case 'Sendmail':
    case 'Dovecot':
      return `systemctl restart ${server.toLowerCase()}`
    case 'tcpserver':
      return 'svc -t on its service'
  }
}

/** What the packages of Postfix and Exim own; PATH is used for a line without an absolute path. */
const OF_SERVERS = /^(?:PATH|\/(?:usr|var\/spool\/(?:postfix|exim4)|var\/log\/exim4))\b/

/** Returns the command that gives the programs of a server what its packages have given them, and starts it again. */
function howToRestore(server: ServerName): string | undefined {
  if (server === 'Postfix') return `postfix set-permissions; ${howToRestart(server)}`
  if (server !== 'Exim' || !existsSync(SPOOL)) return undefined
  return `chown -R Debian-exim:Debian-exim ${SPOOL} && chown -R Debian-exim:adm /var/log/exim4 && ${howToRestart(server)}`
}

/** How a server defers the mail that no filter has seen. */
const DEFERS: Partial<Readonly<Record<ServerName, string>>> = {
  Postfix:
    'postconf -e milter_default_action=tempfail && postfix reload (and default_action=tempfail where smtpd_milters sets that)',
  Sendmail: 'F=T in the INPUT_MAIL_FILTER of sendmail.mc',
  Exim: '"malware" without /defer_ok',
}

interface Kind {
  readonly words: RegExp
  readonly remedy: (server: ServerName, words: string) => string
  readonly isAboutFilter?: true
  readonly isAboutTls?: true
  readonly isEnd?: true
}

/** The kinds of complaints, the clearest first: errors of the system in the words of strerror(3), and of qmail. */
const KINDS: readonly Kind[] = [
  {
    words:
      /connect to (?:Milter service|proxy filter) |warning: milter (?:unix|inet|local)|malware acl condition: (?!error while creating mbox )|Milter \(\S{1,200}\): (?:error|timeout) /,
    isAboutFilter: true,
    remedy: () => 'run onescan check, and fix the error that it logged',
  },
  {
    words:
      /\bchain file\b|\bTLS library problem|\bdisabling TLS|\bTLS error on |\bcannot (?:get|load) \w{1,20} (?:certificate|private key)/,
    isAboutTls: true,
    remedy: (server) =>
      `give ${server} a certificate and a key that it can read (${TLS_SETTINGS}), then run ${howToRestart(server)}`,
  },
  {
    words: /\bunsupported dictionary type/,
    remedy: (server) =>
      `install the package with this type of table, such as postfix-pcre, or remove the table, then run ${howToRestart(server)}`,
  },
  {
    words: / is unavailable\. |\blookup error\b|\bopen (?:\w+ )?(?:database|file) \S+:/,
    remedy: (server) =>
      server === 'Sendmail'
        ? 'run touch for the file from which that table is made (its name without .db), then make -C /etc/mail && systemctl restart sendmail'
        : 'run postmap (for aliases newaliases) for the table that this line names, or restore its file, then run postfix reload',
  },
  {
    words: /\bunknown smtpd restriction|\bconfiguration error/,
    remedy: (server) =>
      `remove what this line names from the settings of ${server}, then run ${howToRestart(server)}`,
  },
  {
    words:
      /\bpermission denied|\baccess denied|\boperation not permitted|: error while creating mbox /i,
    remedy: (server, line) => {
      const [, path = 'PATH'] = /(?:^|[\s"':=(])(\/[\w.@+/-]+)/.exec(line) ?? []
      const own = OF_SERVERS.test(path) ? howToRestore(server) : undefined
      const owner = `correct the owner or the mode of that path or of its directory (namei -l ${path} lists them), then run ${howToRestart(server)}`
      return own === undefined ? owner : `${own}; if the line names another path, ${owner}`
    },
  },
  {
    words: /\bno space left|\bdisk quota exceeded|\bout of disk space/i,
    remedy: () => 'free space: df -h and df -i list full file systems',
  },
  {
    words: /\bread-?only file ?system/i,
    remedy: () =>
      'findmnt -no TARGET,OPTIONS -T PATH names the file system of that path: mount it with -o remount,rw, after dmesg has shown why it is read-only',
  },
  {
    words: /\bfile too large/i,
    remedy: (server) =>
      `remove LimitFSIZE= from the unit of ${server} (systemctl cat), or raise the size limit of its mailboxes, then restart ${server}`,
  },
  {
    words: /\btoo many open files/i,
    remedy: (server) => `raise LimitNOFILE= in the unit of ${server}, and restart it`,
  },
  {
    words: /\baddress (?:already in use|already used)/i,
    remedy: (server) => `ss -ltnp lists what has that address: stop it, then restart ${server}`,
  },
  {
    words: /\bno such file or directory|\bfile does not exist/i,
    remedy: (server) =>
      `restore that file, or correct the setting that names it, then run ${howToRestart(server)}; onescan check prints the command for a table of Postfix`,
  },
  {
    words: /\bconnection refused/i,
    remedy: (server) => `start what should listen there, or correct its address in ${server}`,
  },
  {
    words: /\b(?:fatal|panic|Fatal|Panic): |SYSERR\(root\): /,
    isEnd: true,
    remedy: (server) => `correct what this line names, then run ${howToRestart(server)}`,
  },
  {
    words:
      /warning: process \S{1,300} pid \d{1,10} (?:exit status|killed by signal)|bad command startup/,
    isEnd: true,
    remedy: (server) =>
      `${howToRestore(server) ?? howToRestart(server)} corrects what keeps it from being started; if it ends again, correct what its own lines above that one name (or dmesg, if a signal ended it)`,
  },
]

/** Returns the complaint in a line of a log, or undefined if it has none about this host. */
export function complaintIn(line: string): ServerComplaint | undefined {
  for (const [server, form] of FORMS) {
    const [found, program = '', words = ''] = form.exec(line) ?? []
    if (found === undefined) continue
    const kind = kindOf(words)
    if (kind === undefined) return undefined
    const isEnd = kind.isEnd || (/(?:fatal|panic): /i.test(words) && !OF_USERS.test(program))
    const defers = kind.isAboutFilter && DEFERS[server]
    return {
      text: program === '' ? words : `${program}: ${words}`,
      isEnd,
      isAboutTls: kind.isAboutTls ?? false,
      remedy: kind.remedy(server, words),
      rank: KINDS.indexOf(kind),
      ...(defers && { defers }),
    }
  }
  return undefined
}

const kindOf = (words: string): Kind | undefined =>
  OF_OTHERS.test(words) ? undefined : KINDS.find((kind) => kind.words.test(words))

/** Returns the remedy for an error of the system by which Postfix or Exim does not deliver mail, in its words. */
export function remedyOfDelay(status: string): string | undefined {
  // Exim tries again only at the time of its retry rules, also after the error is mended.
  if (/retry time not reached/.test(status))
    return 'if onescan check is silent, the cause is gone, and exim -qff delivers what waits; if not, fix that first'
  if (/^status=.*Host or domain name not found/.test(status))
    return 'if mail for this domain stays on this host, add it to mydestination (or virtual_mailbox_domains) and run postfix reload; if not, correct the name, or the content_filter, transport or FILTER that has it'
  if (/^status=.*\(deferred transport\)/.test(status))
    return 'remove this transport from defer_transports, then run postfix reload'
  if (status.startsWith('==') && status.includes('host lookup'))
    return 'if mail for this domain stays on this host, add it to dc_other_hostnames in /etc/exim4/update-exim4.conf.conf (or to local_domains), then run update-exim4.conf && systemctl restart exim4; if not, correct the name, or the service that resolves names'
  const server = status.startsWith('status=') ? 'Postfix' : 'Exim'
  return OF_REPLY.test(status)
    ? undefined
    : kindOf(status.replace(/^==/, ''))?.remedy(server, status)
}

/** What another server has replied, or does not. */
const OF_REPLY = /\bsaid: |SMTP error from remote |connect to |[Cc]onnection refused/

/** A message that is larger than the server accepts: RFC 3463, X.3.4 and X.2.3, and the words of servers without these codes. */
const OF_SIZE =
  /^\d{3}[ -][45]\.3\.4\b|\btoo (?:big|large)\b|\bexceeds \S{0,20} ?(?:maximum|fixed)\b|\bmaximum (?:allowed )?(?:message )?size\b|\bsize limit\b|\bdatabytes limit\b/i

const RAISE_SIZE =
  'raise the size limit of the mail server: message_size_limit (Postfix), MESSAGE_SIZE_LIMIT or message_size_limit (Exim), confMAX_MESSAGE_SIZE (Sendmail), control/databytes (qmail)'

/** Returns the remedy for a reply that refuses a message for its size, or undefined for any other one. */
export const remedyOfSize = (reply: string): string | undefined =>
  OF_SIZE.test(reply) ? RAISE_SIZE : undefined

/** What helps against the kinds of replies: enhanced status codes (RFC 3463, RFC 5248), or the words of servers without those. */
const REPLIES: readonly (readonly [reply: RegExp, remedy: string])[] = [
  [
    /^\d{3}[ -]4\.(?:1\.8|4\.3)\b|\bdomain of sender\b|\bsender domain\b/i,
    'find out with getent ahosts DOMAIN whether this host resolves names: if not, correct the nameserver lines of /etc/resolv.conf and restart the mail server; if it does, the domain of this address has no record in the DNS, and mail from it needs an exception to the rule for unknown sender domains',
  ],
  [OF_SIZE, RAISE_SIZE],
  [
    /^\d{3}[ -]4\.3\.1\b|\binsufficient (?:system storage|disk space)\b|\bspace shortage\b/i,
    'free space on the file system of the queue (df -h and df -i), or lower what the mail server keeps free: queue_minfree (Postfix), check_spool_space (Exim), confMIN_FREE_BLOCKS (Sendmail)',
  ],
  [
    /^4\d\d[ -].*\btoo many (?:concurrent |simultaneous )?(?:SMTP )?connections\b/i,
    'run this check again when fewer clients are connected, or raise the limit of the mail server: smtpd_client_connection_count_limit (Postfix), smtp_accept_max (Exim), confMAX_DAEMON_CHILDREN or ClientConn (Sendmail), tcpserver -c (qmail)',
  ],
]

/** Returns the remedy for a reply by which a mail server does not accept mail, or undefined if its log must be read. */
export const remedyOfReply = (reply: string): string | undefined =>
  REPLIES.find(([form]) => form.test(reply))?.[1]
