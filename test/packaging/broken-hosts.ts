import type { CheckLine } from '../../src/base/check/check-line.ts'
import { DAEMONTOOLS, placeStandIns, QMAIL } from './stand-in-qmail.ts'

/** Hosts that are broken, with what `onescan check` reports about each: doc/development/faults.md has them as a table. */

/** Postfix, as its host's page finds it. */
export const POSTFIX = `postconf -e myhostname=mail.example.org mydestination=example.org,localhost inet_protocols=ipv4 && systemctl enable postfix`

/** Sendmail's programs ask no name server: a booted host reaches none, and they would wait for it. */
export const SENDMAIL_WITHOUT_DNS = 'cp /etc/mail/service.switch-nodns /etc/mail/service.switch'
/** It refuses mail while the machine is busy, and leaves mail in its queue; so does the part that local programs start. */
export const SENDMAIL_WHEN_BUSY = `sed -i "/^MAILER_DEFINITIONS/i define(\\\`confREFUSE_LA', 1000)dnl\\ndefine(\\\`confQUEUE_LA', 1000)dnl" /etc/mail/sendmail.mc
  sed -i "/^FEATURE(.msp/i define(\\\`confQUEUE_LA', 1000)dnl" /etc/mail/submit.mc`
/** Sendmail, as its host's page finds it. */
export const SENDMAIL = `${SENDMAIL_WITHOUT_DNS}; ${SENDMAIL_WHEN_BUSY}; sed -i "/^MAILER_DEFINITIONS/i FEATURE(\\\`accept_unresolvable_domains')dnl" /etc/mail/sendmail.mc
  echo example.org >>/etc/mail/local-host-names; make -C /etc/mail >/dev/null 2>&1; systemctl enable sendmail`

const DEFAULTS = '/etc/default/onescand'
export const set = (line: string) => `echo '${line}' >>${DEFAULTS}; systemctl restart onescand`
export const unset = (name: string) =>
  `sed -i '/^${name}=/d' ${DEFAULTS}; systemctl restart onescand`
export const ofClamd = (line: string) =>
  `sed -i '/^${line.split(' ')[0]} /d' /etc/clamav/clamd.conf; echo '${line}' >>/etc/clamav/clamd.conf; systemctl restart clamav-daemon; ${CLAMD_ANSWERS}`
/** Waits until a command succeeds, but not for ever: the check line then says what is not as it should be. */
export const until = (command: string) =>
  `for i in $(seq 300); do ${command} >/dev/null 2>&1 && break; sleep 0.1; done`
export const CLAMD_ANSWERS = until('clamdscan --ping 1')

/** Another program that takes the place of the socket at a path, with this answer to each client. */
const takes = (path: string, answer = '') => `cat >/other.py <<'END'
import os, socket
path = '${path}'
os.unlink(path)
server = socket.socket(socket.AF_UNIX)
server.bind(path)
os.chmod(path, 0o666)
server.listen()
open('/run/other-listens', 'w').close()
while True:
    client = server.accept()[0]
    try: client.sendall(b'${answer}')
    except OSError: pass
    client.close()
END
      systemctl stop other; rm -f /run/other-listens
      systemd-run --collect --unit=other python3 /other.py; ${until('test -e /run/other-listens')}`
/** Another program that takes a port, while these units are stopped. */
const takesPort = (port: number, ...units: readonly string[]) =>
  `systemctl stop other ${units.join(' ')}; systemd-run --collect --unit=other tcpserver 127.0.0.1 ${port} cat
      ${until(`ss -ltn | grep -q 127.0.0.1:${port}`)}; systemctl start onescand`

/** What is broken on a host, what `onescan check` reports about it, and the remedy. */
export interface Fault {
  readonly name: string
  /** Shell, as root. */
  readonly breaks: string
  /** Of the check line: its thing, its value, and its remedy, which is a command if `does` is not there. */
  readonly reported: Pick<CheckLine, 'level' | 'what'> & { value: RegExp; remedy?: RegExp }
  /** Whether only `onescan check --mail` reports it. */
  readonly byMail?: true
  /** The remedy as a command, where it is in words. */
  readonly does?: string
  /** Shell, typed after mail was tried: takes back what the remedy left for good. */
  readonly restores?: string
  /** It has removed the mail server, so that no mail can be tried. */
  readonly isLast?: true
}

const faultsOfPostfix: readonly Fault[] = [
  {
    name: 'the directory of the socket is closed',
    breaks: 'chmod 0700 /var/spool/postfix/onescan',
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value: /^postfix may not connect to .*milter.sock: Postfix defers all mail$/,
    },
  },
  {
    name: 'onescand was stopped',
    breaks: 'systemctl stop onescand.socket onescan-milter.socket onescan-policy.socket onescand',
    reported: { level: 'error', what: 'onescand', value: /^does not answer \(inactive\)$/ },
  },
  {
    name: 'onescand is masked',
    breaks: 'systemctl mask --now onescand',
    reported: {
      level: 'error',
      what: 'onescand',
      value: /^does not answer \(its unit is masked\)$/,
    },
  },
  {
    name: 'the socket for Postfix is disabled',
    breaks: 'systemctl disable --now onescan-postfix.socket',
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value: /milter.sock does not exist: Postfix defers all mail$/,
    },
  },
  {
    name: 'the socket for Postfix is masked, and its file is still there',
    breaks: 'systemctl mask --now onescan-postfix.socket; systemctl restart onescand',
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value: /^nothing listens at .*milter.sock: Postfix defers all mail$/,
    },
  },
  {
    name: 'the file of the socket for Postfix was removed',
    breaks: 'rm /var/spool/postfix/onescan/milter.sock',
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value: /milter.sock does not exist: Postfix defers all mail$/,
    },
  },
  {
    name: 'the mode of the socket for Postfix was changed',
    breaks: 'chmod 0600 /var/spool/postfix/onescan/milter.sock',
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value: /^postfix may not connect to .*milter.sock: Postfix defers all mail$/,
    },
  },
  {
    name: 'another program has taken the socket for Postfix',
    breaks: takes('/var/spool/postfix/onescan/milter.sock'),
    reported: {
      level: 'error',
      what: 'milter unix:onescan/milter.sock',
      value:
        /^process \d+ \(python3\) listens at .*milter\.sock instead of onescand: Postfix defers all mail$/,
      remedy: /^systemctl stop onescand && systemctl restart onescan-postfix\.socket && /,
    },
  },
  {
    name: 'another program answers at the socket for clients of clamd',
    breaks: `systemctl enable onescan-clamd.socket; systemctl restart onescand; ${takes('/run/onescan/clamd.sock', 'PONG\\0')}`,
    reported: {
      level: 'error',
      what: 'clamd unix:/run/onescan/clamd.sock',
      value: /^process \d+ \(python3\) listens at \/run\/onescan\/clamd\.sock instead of onescand$/,
      remedy: /^systemctl stop onescand && systemctl restart onescan-clamd\.socket && /,
    },
  },
  {
    name: 'another program has the port for clients of clamd',
    breaks: takesPort(3311, 'onescand', 'onescan-clamd.socket'),
    reported: {
      level: 'error',
      what: 'onescan-clamd.socket',
      value: /^process \d+ \(tcpserver\) listens at 127\.0\.0\.1:3311 instead of onescand$/,
      remedy: /^stop that process, or change its address, then run systemctl restart onescand$/,
    },
    does: 'systemctl stop other && systemctl restart onescand && ss -ltn | grep 3311 && systemctl disable --now onescan-clamd.socket && systemctl restart onescand',
  },
  {
    name: "another program has taken onescand's own socket",
    breaks: takes('/run/onescan/qmail.sock'),
    reported: {
      level: 'error',
      what: 'qmail unix:/run/onescan/qmail.sock',
      value: /^process \d+ \(python3\) listens at \/run\/onescan\/qmail\.sock instead of onescand$/,
      remedy: /^systemctl stop onescand && systemctl restart onescand\.socket && /,
    },
  },
  {
    name: 'onescand runs under another account',
    breaks: `systemctl stop other; mkdir -p /etc/systemd/system/onescand.service.d
      printf '[Service]\\nUser=nobody\\n' >/etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload; systemctl restart onescand`,
    reported: {
      level: 'error',
      what: 'onescand',
      value: /^runs as nobody instead of onescan$/,
      remedy:
        /^set User=onescan in \/etc\/systemd\/system\/onescand\.service\.d\/own\.conf, then run systemctl daemon-reload && systemctl restart onescand$/,
    },
    // systemd only advises against this line.
    does: `! onescan check | grep 'has no effect' && sed -i 's/^User=.*/User=onescan/' /etc/systemd/system/onescand.service.d/own.conf && systemctl daemon-reload && systemctl restart onescand &&
      rm /etc/systemd/system/onescand.service.d/own.conf && systemctl daemon-reload && systemctl restart onescand`,
  },
  {
    name: "onescand's socket is masked",
    breaks: 'systemctl mask --now onescand.socket; systemctl restart onescand',
    reported: { level: 'error', what: 'onescand', value: /^does not answer \(inactive\)$/ },
  },
  {
    name: "systemd can no longer use onescand's unit",
    breaks: `mkdir -p /etc/systemd/system/onescand.service.d
      printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload`,
    reported: {
      level: 'error',
      what: 'onescand',
      value:
        /^runs, but cannot be started again: systemd cannot use its unit \(bad-setting\): "Service has more than one ExecStart= setting/,
      remedy: /^sed -i .*own\.conf && systemctl daemon-reload && /,
    },
    // It replaces onescand by another program.
    does: 'rm /etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload',
  },
  {
    name: 'an option is wrong, on a host that logs much',
    breaks: `for i in 1 2 3 4 5 6 7 8 9 10; do systemctl restart onescand; done; ${set('ONESCAND_OPTIONS="--workers 0"')}`,
    reported: { level: 'error', what: 'onescand', value: /logged: "error: settings: --workers 0:/ }, // biome-ignore format: a line
    does: unset('ONESCAND_OPTIONS'),
  },
  {
    name: 'a setting lacks its "="',
    breaks: set('QUARANTINE /var/lib/onescan/quarantine'),
    reported: {
      level: 'warning',
      what: 'onescand',
      value:
        /^line \d+ of \/etc\/default\/onescand sets nothing: it has no "=" after "QUARANTINE"$/,
      remedy: /^write line \d+ as QUARANTINE="VALUE", /,
    },
    does: `sed -i '/^QUARANTINE /d' ${DEFAULTS}; systemctl restart onescand`,
  },
  {
    name: 'the quarantine belongs to another account',
    breaks: `sed -i '/^REJECTVIRUS/d' ${DEFAULTS}; chown root /var/lib/onescan/quarantine; ${set('QUARANTINE=/var/lib/onescan/quarantine')}`,
    reported: {
      level: 'error',
      what: 'QUARANTINE [onescand]',
      value:
        /^\/var\/lib\/onescan\/quarantine belongs to root, and mail is scanned as onescan: infected mail is deferred$/,
    },
  },
  {
    name: 'mail is no longer refused, nor kept',
    breaks: `${unset('QUARANTINE')}; ${set('REJECTVIRUS="1"')}; ${set('QHPSIMAXSIZE=1000')}`,
    reported: {
      level: 'warning',
      what: 'QHPSIMAXSIZE [onescand]',
      value: /^is 1000, so mail that is larger is accepted unscanned$/,
      remedy: /^unset QHPSIMAXSIZE /,
    },
    does: unset('QHPSIMAXSIZE'),
  },
  {
    name: 'the largest message for clamd is smaller than any',
    breaks: set('CLAMDMAXSIZE=1000'),
    reported: {
      level: 'error',
      what: 'scanner clamd [onescand]',
      value:
        /^returns no result \(clamd: \d+ bytes are more than CLAMDMAXSIZE 1000\), so mail is deferred$/,
    },
    does: unset('CLAMDMAXSIZE'),
  },
  {
    name: 'a rule lets all mail pass',
    breaks: `echo 'client=0.0.0.0/0 scan off' >/etc/onescan/policy; systemctl reload onescand`,
    reported: {
      level: 'warning',
      what: 'rules [onescand]',
      value: /accepts mail from anywhere unscanned: line 1: client=0.0.0.0\/0 \(scan off\)$/,
    },
    does: 'rm /etc/onescan/policy; systemctl reload onescand',
  },
  {
    name: 'another process has the port of the page',
    breaks: `${takesPort(8899)}; ${set('ONESCAND_OPTIONS="--http inet:127.0.0.1:8899"')}`,
    reported: {
      level: 'error',
      what: 'status page inet:127.0.0.1:8899',
      value: /^process \d+ \(tcpserver\) listens at 127\.0\.0\.1:8899 instead of onescand$/,
      remedy:
        /^stop that process, or set another address with --http, then run systemctl restart onescand$/,
    },
    does: `systemctl stop other; ${unset('ONESCAND_OPTIONS')}`,
  },
  {
    name: 'onescand does not see the directory of its log',
    breaks: `install -d -o onescan /var/log/own; ${set('LOGFILE=/var/log/own/log')}`,
    reported: {
      level: 'warning',
      what: 'paths [onescand]',
      value: /^LOGFILE \/var\/log\/own: is not visible to onescand$/,
      remedy: /add BindPaths=\/var\/log\/own below \[Service\]/,
    },
    // Before: check sends no mail, since nobody could see what happened to it. Then mail has its line there.
    does: `onescan check --mail you@example.org | grep -q 'to onescand: .* no mail was sent' && mkdir -p /etc/systemd/system/onescand.service.d &&
      printf '[Service]\\nBindPaths=/var/log/own\\n' >/etc/systemd/system/onescand.service.d/own.conf && systemctl daemon-reload && systemctl restart onescand &&
      { onescan check --mail you@example.org; grep -q decision= /var/log/own/log; } && rm /etc/systemd/system/onescand.service.d/own.conf &&
      systemctl daemon-reload && { ${unset('LOGFILE')}; }`,
  },
  {
    name: 'a scan may last longer than Postfix waits',
    breaks: set('SCANTIMEOUT=600'),
    reported: {
      level: 'warning',
      what: 'milter_content_timeout',
      value: /^is 300s, so Postfix times out before onescand does \(SCANTIMEOUT=600\)$/,
      remedy: /^set SCANTIMEOUT below 300 in /,
    },
    does: unset('SCANTIMEOUT'),
  },
  {
    name: 'clamd looks at next to nothing',
    breaks: ofClamd('MaxFileSize 1K'),
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl large mail [onescand]',
      value: /^scans files of less than 64K; OVERSIZE defers or accepts larger mail$/,
      remedy: /^raise StreamMaxLength, MaxFileSize /,
    },
    does: ofClamd('MaxFileSize 100M'),
  },
  {
    name: 'clamd keeps silent about its limits',
    breaks: ofClamd('AlertExceedsMax no'),
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/clamd.ctl AlertExceedsMax [onescand]',
      value: /^is off: viruses deep in mail or archives are delivered as clean$/,
      remedy: /^set "AlertExceedsMax yes" in its clamd.conf, and restart clamd$/,
    },
    does: ofClamd('AlertExceedsMax yes'),
  },
  {
    name: 'clamd does not start when the host boots',
    breaks: 'systemctl disable clamav-daemon.service clamav-daemon.socket',
    reported: {
      level: 'warning',
      what: 'clamav-daemon',
      value: /^runs, but is disabled: after a boot it does not run, and mail cannot be scanned$/,
      remedy: /^systemctl enable clamav-daemon$/,
    },
  },
  {
    name: 'a socket does not survive a boot',
    breaks: 'systemctl disable onescan-postfix.socket',
    reported: {
      level: 'warning',
      what: 'onescan-postfix.socket',
      value: /^runs, but is disabled: after a boot it does not run, and no client reaches /,
    },
  },
  {
    name: 'clamd does not open PDF files',
    breaks: ofClamd('ScanPDF no'),
    reported: {
      level: 'warning',
      what: 'clamd /run/clamav/clamd.ctl ScanPDF [onescand]',
      value: /^is off: viruses in PDF files are delivered as clean$/,
      remedy: /^set "ScanPDF yes" in its clamd.conf, and restart clamd$/,
    },
    does: ofClamd('ScanPDF yes'),
  },
  {
    name: 'the log is for onescand alone',
    breaks: `mkdir -p /etc/systemd/system/onescand.service.d; install -d -o onescan -m 0700 /var/log/own; rm -f /var/log/own/log
      printf '[Service]\\nBindPaths=/var/log/own\\n' >/etc/systemd/system/onescand.service.d/own.conf; systemctl daemon-reload; ${set('LOGFILE=/var/log/own/log')}`,
    reported: {
      level: 'ok',
      what: 'LOGFILE [onescand]',
      value: /^\/var\/log\/own\/log, written by /,
    },
    does: `remedy=$(onescan log 2>&1 | sed -n 's/.* the account onescan-check may not read it; //p') && test -n "$remedy" &&
      onescan check --mail you@example.org | grep -q 'and no mail was sent' && eval "$remedy" && { onescan check --mail you@example.org; onescan log | grep -q clean; } &&
      rm /etc/systemd/system/onescand.service.d/own.conf && systemctl daemon-reload && { ${unset('LOGFILE')}; }`,
  },
  {
    name: 'clamd is masked',
    breaks: 'systemctl mask --now clamav-daemon',
    reported: {
      level: 'error',
      what: 'clamav-daemon',
      value: /^is not running \(its unit is masked\)$/,
    },
    does: `systemctl unmask clamav-daemon && systemctl start clamav-daemon; ${CLAMD_ANSWERS}`,
  },
  {
    name: 'clamd and its socket are masked until the next boot',
    breaks: 'systemctl mask --runtime --now clamav-daemon clamav-daemon.socket',
    reported: {
      level: 'error',
      what: 'clamav-daemon',
      value: /^is not running \(its unit is masked\)$/,
      remedy:
        /^systemctl unmask --runtime clamav-daemon && systemctl unmask --runtime clamav-daemon\.socket && systemctl enable --now clamav-daemon$/,
    },
    does: `systemctl unmask --runtime clamav-daemon && systemctl unmask --runtime clamav-daemon.socket && systemctl enable --now clamav-daemon; ${CLAMD_ANSWERS}`,
  },
  {
    name: 'clamd does not know an option of its file',
    breaks: "echo 'NoSuchOption yes' >>/etc/clamav/clamd.conf; systemctl restart clamav-daemon",
    reported: {
      level: 'error',
      what: 'clamav-daemon',
      value: /^logged: "ERROR: .*NoSuchOption/,
    },
    does: `sed -i '/^NoSuchOption /d' /etc/clamav/clamd.conf; systemctl restart clamav-daemon; ${CLAMD_ANSWERS}`,
  },
  {
    name: 'clamd cannot read a file of signatures',
    breaks:
      "echo '<html>not found</html>' >/var/lib/clamav/junk.ndb; systemctl restart clamav-daemon; sleep 2",
    reported: {
      level: 'error',
      what: 'clamav-daemon',
      value: /^logged: "LibClamAV Error: Can't load \/var\/lib\/clamav\/junk\.ndb: /,
      remedy: /^mv -n \/var\/lib\/clamav\/junk\.ndb \S+ && systemctl restart clamav-daemon; if /,
    },
    does: `mv -n /var/lib/clamav/junk.ndb /var/lib/clamav/junk.ndb.broken && systemctl restart clamav-daemon; ${CLAMD_ANSWERS}`,
  },
  {
    name: 'clamd is another one',
    breaks: set('CLAMD=/run/clamav/other.ctl'),
    reported: {
      level: 'error',
      what: 'clamd /run/clamav/other.ctl [onescand]',
      value: /^cannot connect \(no such file or directory\)$/,
      remedy: /^set CLAMD="(\/var)?\/run\/clamav\/clamd\.ctl", the address in clamd\.conf, /,
    },
    does: unset('CLAMD'),
  },
  {
    name: 'the journal is stopped',
    breaks:
      'systemctl stop systemd-journald.socket systemd-journald-dev-log.socket systemd-journald-audit.socket systemd-journald',
    reported: {
      level: 'warning',
      what: 'journal',
      value: /^is not written \(systemd-journald: \w+\): lines about mail are lost$/,
    },
  },
  {
    name: 'the journal keeps nothing',
    breaks: `mkdir -p /etc/systemd/journald.conf.d; printf '[Journal]\\nStorage=none\\n' >/etc/systemd/journald.conf.d/own.conf; systemctl restart systemd-journald`,
    reported: {
      level: 'warning',
      what: 'journal',
      value:
        /^keeps nothing \(Storage=none in \/etc\/systemd\/journald\.conf\.d\/own\.conf\): lines about mail are lost$/,
      remedy: /^set Storage=auto in \/etc\/systemd\/journald\.conf\.d\/own\.conf, /,
    },
    // Before: check sends no mail, since nobody could see what happened to it.
    does: `onescan check --mail you@example.org | grep -q 'and no mail was sent' &&
      sed -i s/none/auto/ /etc/systemd/journald.conf.d/own.conf && systemctl restart systemd-journald`,
  },
  {
    name: 'Postfix is stopped',
    breaks: 'postfix stop',
    reported: { level: 'error', what: 'Postfix', value: /^is not running: no mail is delivered$/ },
  },
  {
    name: 'onescan is switched off',
    breaks: 'onescan disable',
    reported: {
      level: 'warning',
      what: 'scanning',
      value: /onescan.off exists: all mail is accepted unscanned$/,
    },
  },
]

/** What the page has for Exim. */
const EXIM_OPTIONS =
  'ONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --smtp inet:127.0.0.1:10027 --next inet:127.0.0.1:10026 --after-queue"'
export const TEMPLATE = '/etc/exim4/exim4.conf.template'
export const EXIM_ANSWERS = '/etc/exim4/update-exim4.conf.conf'
/** Debian's Exim as a host of the Internet. */
const EXIM = `sed -i "s/^dc_eximconfig_configtype=.*/dc_eximconfig_configtype='internet'/; s/^dc_other_hostnames=.*/dc_other_hostnames='example.org'/" ${EXIM_ANSWERS} && update-exim4.conf && systemctl enable exim4`
export const EXIM_ACL = 'deny malware = *\\n  message = message refused: $malware_name'
export const LOCALMACROS = '/etc/exim4/exim4.conf.localmacros'
export const ofExim = (change: string) => `sed -i '${change}' ${TEMPLATE}; update-exim4.conf; systemctl restart exim4` // biome-ignore format: a line

const faultsOfExim: readonly Fault[] = [
  {
    name: "Exim's lines of onescan are gone",
    breaks: `cp -a $(ls -d /etc/exim4.before-onescan.* | head -1)/exim4.conf.template ${TEMPLATE}; update-exim4.conf; systemctl restart exim4`,
    reported: {
      level: 'warning',
      what: 'Exim',
      value: /^no router of Exim passes mail to onescand/,
    },
  },
  {
    name: 'onescand was stopped',
    breaks: 'systemctl stop onescand.socket onescan-milter.socket onescan-policy.socket onescand',
    reported: { level: 'error', what: 'onescand', value: /^does not answer \(inactive\)$/ },
  },
  {
    name: 'the addresses of onescand are gone',
    breaks: unset('ONESCAND_OPTIONS'),
    reported: {
      level: 'error',
      what: 'router onescan_before_queue of Exim',
      value: /^sends mail to port 10025 of 127.0.0.1, where nothing listens: Exim defers it$/,
      remedy: /^add --smtp inet:127.0.0.1:10025 to ONESCAND_OPTIONS, /,
    },
    does: set(EXIM_OPTIONS),
  },
  {
    name: 'another program has the port of the SMTP interface',
    breaks: takesPort(10025, 'onescand'),
    reported: {
      level: 'error',
      what: 'smtp inet:127.0.0.1:10025',
      value: /^process \d+ \(tcpserver\) listens at 127\.0\.0\.1:10025 instead of onescand$/,
      remedy:
        /^stop that process, or set another address with --smtp, then run systemctl restart onescand$/,
    },
    does: 'systemctl stop other && systemctl restart onescand',
  },
  {
    name: 'a later line replaces the addresses of onescand',
    breaks: set('ONESCAND_OPTIONS="--http inet:127.0.0.1:9808"'),
    reported: {
      level: 'warning',
      what: 'onescand',
      value:
        /^line \d+ of \/etc\/default\/onescand has no effect: line \d+ sets ONESCAND_OPTIONS, too$/,
      remedy: /^copy what only line \d+ has into line \d+, then delete line \d+: sed -i /,
    },
    does: `${unset('ONESCAND_OPTIONS')}; ${set(EXIM_OPTIONS.replace('="', '="--http inet:127.0.0.1:9808 '))}`,
  },
  {
    name: 'the router names another port',
    breaks: ofExim('s/127.0.0.1::10025/127.0.0.1::10099/'),
    reported: {
      level: 'error',
      what: 'router onescan_before_queue of Exim',
      value: /^sends mail to port 10099 of 127.0.0.1, where nothing listens: Exim defers it$/,
      remedy: /^set a port of onescand's --smtp \(.*10025.*\) in the router /,
    },
    does: ofExim('s/127.0.0.1::10099/127.0.0.1::10025/'),
  },
  {
    name: 'the transport ends before a scan may',
    breaks: ofExim('s/final_timeout = 15m/final_timeout = 10s/'),
    reported: {
      level: 'warning',
      what: 'transport onescan of Exim',
      value: /^final_timeout = 10s: Exim times out before onescand does/,
      remedy: /^set final_timeout = 900s in the transport onescan, /,
    },
    does: ofExim('s/final_timeout = 10s/final_timeout = 900s/'),
  },
  {
    name: 'the transport returns mail with long lines',
    breaks: ofExim('s/message_linelength_limit = 1G/message_linelength_limit = 998/'),
    reported: {
      level: 'error',
      what: 'transport onescan of Exim',
      value: /^message_linelength_limit = 998: Exim returns accepted mail with a longer line$/,
      remedy: /^set message_linelength_limit = 1G in the transport onescan, /,
    },
    does: ofExim('s/message_linelength_limit = 998/message_linelength_limit = 1G/'),
  },
  {
    name: 'Exim is stopped',
    breaks: 'systemctl stop exim4',
    reported: { level: 'error', what: 'Exim', value: /^is not running: it was stopped$/ },
  },
]

export interface BrokenHost {
  readonly title: string
  readonly packages: string
  readonly prepare: string
  /** Files that are no part of a Debian package. */
  readonly place?: (directory: string) => void
  readonly setUp: string
  readonly faults: readonly Fault[]
  /** The interface of onescand by which mail is scanned. */
  readonly door: 'milter' | 'smtp' | 'clamd' | 'qmail'
}

/** Hosts, each as its page sets it up. */
export const hosts: readonly BrokenHost[] = [
  {
    title: 'Postfix, with the milter',
    packages: 'postfix ssl-cert ucspi-tcp clamav clamdscan iproute2 python3',
    prepare: POSTFIX,
    setUp: `${set('REJECTVIRUS="1"')}; systemctl restart onescand; sh /usr/share/onescan/examples/postfix/postfix-milter; postfix reload`,
    faults: faultsOfPostfix,
    door: 'milter',
  },
  {
    title: 'Exim, over SMTP',
    packages: 'exim4-daemon-light ucspi-tcp clamdscan iproute2',
    prepare: EXIM,
    setUp: `${set('REJECTVIRUS="1"')}; ${set(EXIM_OPTIONS)}; systemctl restart onescand; sh /usr/share/onescan/examples/exim/exim-debian; systemctl restart exim4`,
    faults: faultsOfExim,
    door: 'smtp',
  },
  {
    title: 'Exim, as a client of clamd',
    packages: 'exim4-daemon-heavy clamdscan iproute2',
    prepare: EXIM,
    setUp: `systemctl enable onescan-clamd.socket; systemctl restart onescand
      printf 'av_scanner = clamd:127.0.0.1 3311\\nMESSAGE_SIZE_LIMIT = 25000000\\n' >>${LOCALMACROS}
      sed -i '/^acl_check_data:$/a ${EXIM_ACL}' ${TEMPLATE}; update-exim4.conf; systemctl restart exim4`,
    faults: [],
    door: 'clamd',
  },
  {
    title: 'Sendmail',
    packages: 'sendmail make clamdscan iproute2 ucspi-tcp',
    prepare: SENDMAIL,
    setUp: `${set('REJECTVIRUS="1"')}; cat /usr/share/onescan/examples/sendmail/sendmail.mc >>/etc/mail/sendmail.mc
      make -C /etc/mail; systemctl restart sendmail`,
    faults: [],
    door: 'milter',
  },
  {
    title: 'qmail',
    packages: `${DAEMONTOOLS} clamdscan iproute2`,
    prepare: QMAIL,
    place: placeStandIns,
    setUp: `echo y | sh /usr/share/onescan/examples/qmail/qmail-run; sh /usr/share/onescan/examples/qmail/qmail-rules`,
    faults: [],
    door: 'qmail',
  },
]
