import type { Fault } from './broken-hosts.ts'

/** Faults of hosts that ways of host-ways.ts set up: a proxy before Postfix's queue, and rspamd as a client of clamd. */

const MASTER = '/etc/postfix/master.cf'
const RELOAD = 'postfix reload; sleep 1'

export const faultsOfProxy: readonly Fault[] = [
  {
    name: 'the proxy of Postfix is at another port',
    breaks: `sed -i 's/smtpd_proxy_filter=127.0.0.1:10025/smtpd_proxy_filter=127.0.0.1:10035/' ${MASTER}; ${RELOAD}`,
    reported: {
      level: 'error',
      what: 'smtp/inet/smtpd_proxy_filter',
      value:
        /^is 127\.0\.0\.1:10035, where nothing listens: Postfix defers the mail of smtp\/inet$/,
      remedy: /^postconf -P smtp\/inet\/smtpd_proxy_filter=127\.0\.0\.1:10025 && postfix reload$/,
    },
  },
  {
    name: 'the service by which mail returns is gone',
    breaks: `postconf -MX 127.0.0.1:10026/inet; ${RELOAD}`,
    reported: {
      level: 'error',
      what: 'master.cf',
      value: /^has no service at port 10026 of 127\.0\.0\.1, to which onescand passes mail: /,
      remedy: /postfix-before-queue\.cf >>\/etc\/postfix\/master\.cf && postfix reload$/,
    },
  },
  {
    name: 'the service by which mail returns lets in only who logs in',
    breaks: `postconf -P 127.0.0.1:10026/inet/smtpd_recipient_restrictions=permit_sasl_authenticated,reject; ${RELOAD}`,
    reported: {
      level: 'error',
      what: '127.0.0.1:10026/inet/smtpd_recipient_restrictions',
      value: /^permit_sasl_authenticated,reject: mail that onescand passes back is refused$/,
    },
  },
  {
    name: 'the service is gone that prepares returned mail for the queue',
    breaks: `postconf -MX scanned/unix; ${RELOAD}`,
    reported: {
      level: 'error',
      what: '127.0.0.1:10026/inet/cleanup_service_name',
      value: /^is scanned, and master\.cf has no such service: Postfix does not answer there$/,
    },
  },
  {
    name: 'the service by which mail returns does not know this host',
    breaks: `postconf -P 127.0.0.1:10026/inet/mynetworks=192.0.2.0/24; ${RELOAD}`,
    reported: {
      level: 'error',
      what: '127.0.0.1:10026/inet/mynetworks',
      value:
        /^is 192\.0\.2\.0\/24, and not 127\.0\.0\.1: mail that onescand passes back is refused$/,
    },
  },
  {
    name: 'a service of Postfix has the port of the SMTP interface',
    breaks: `postconf -M 127.0.0.1:10025/inet='127.0.0.1:10025 inet n - y - - smtpd'; systemctl stop onescand; ${RELOAD}; systemctl start onescand`,
    reported: {
      level: 'error',
      what: 'smtp inet:127.0.0.1:10025',
      value: /^process \d+ \(master\) listens at 127\.0\.0\.1:10025 instead of onescand$/,
      remedy: /^postconf -M# .* && postfix reload, or set another address with --smtp, then run /,
    },
    does: `postconf -M# "$(postconf -M | awk '$2 == "inet" && $1 ~ /(^|:)10025$/ { print $1 }')/inet" && postfix reload && systemctl restart onescand`,
  },
  {
    name: 'a rule for headers discards all mail that was scanned',
    breaks: `printf '/^Received:/ DISCARD\n' >/etc/postfix/rules; postconf -e header_checks=regexp:/etc/postfix/rules; ${RELOAD}`,
    byMail: true,
    reported: {
      level: 'error',
      what: 'port 25, clean mail',
      value:
        /^is scanned by the smtp interface, and then discarded by a rule of the mail server: "discard: header Received: /,
      remedy:
        /^remove DISCARD from header_checks, body_checks or the access map, then run postfix reload$/,
    },
    does: `postconf -X header_checks; ${RELOAD}`,
  },
  {
    name: 'users submit mail past the proxy',
    breaks: `postconf -M submission/inet='submission inet n - y - - smtpd'; ${RELOAD}`,
    reported: {
      level: 'error',
      what: 'submission/inet',
      value:
        /^passes mail past onescand, which waits for it as an smtpd_proxy_filter: it is not scanned$/,
      remedy: /^postconf -P submission\/inet\/smtpd_proxy_filter=.* && postfix reload$/,
    },
    restores: `postconf -MX submission/inet; ${RELOAD}`,
  },
]

const SETTINGS = '/etc/rspamd/local.d'
const SECTION = `${SETTINGS}/antivirus.conf`
const RESTART = 'rspamadm configtest && systemctl restart rspamd && sleep 2'
/** What an administrator does with the section for clamd. */
const edited = (change: string) =>
  `cp -a ${SETTINGS} /root/kept; sed -i '${change}' ${SECTION}; ${RESTART}`
const asKept = `rm -r ${SETTINGS}; mv /root/kept ${SETTINGS}; ${RESTART}`
const of = 'section clamav of rspamd'

export const faultsOfRspamd: readonly Fault[] = [
  {
    name: 'rspamd asks another clamd',
    breaks: edited('s#servers = .*#servers = "/run/clamav/clamd.ctl";#'),
    reported: {
      level: 'warning',
      what: 'smtpd_milters',
      value:
        /^rspamd asks the clamd at "\/run\/clamav\/clamd\.ctl": onescand does not scan its mail$/,
    },
    does: `sed -i 's#servers = .*#servers = "127.0.0.1:3311";#' ${SECTION}; ${RESTART}`,
    restores: asKept,
  },
  {
    name: 'rspamd accepts what is infected',
    breaks: edited('/action = /d'),
    reported: {
      level: 'warning',
      what: of,
      value: /^has no action: rspamd accepts infected mail, /,
    },
    does: `sed -i '/^clamav/a action = "reject";' ${SECTION}; ${RESTART}`,
    restores: asKept,
  },
  {
    name: 'rspamd passes attachments alone',
    breaks: edited('/scan_mime_parts/d'),
    reported: { level: 'warning', what: of, value: /^onescand gets only attachments, / },
    does: `sed -i '/^clamav/a scan_mime_parts = false;' ${SECTION}; ${RESTART}`,
    restores: asKept,
  },
  {
    name: 'the module of rspamd is off',
    breaks: edited('1i enabled = false;'),
    reported: {
      level: 'warning',
      what: 'smtpd_milters',
      value: /^rspamd does not load its module antivirus: onescand does not scan its mail$/,
    },
    does: `sed -i /^enabled/d ${SECTION}; ${RESTART}`,
    restores: asKept,
  },
  {
    name: 'rspamd accepts what could not be scanned',
    breaks: `cp -a ${SETTINGS} /root/kept; rm ${SETTINGS}/force_actions.conf; ${RESTART}`,
    reported: {
      level: 'warning',
      what: of,
      value: /^no rule of force_actions names CLAM_VIRUS_FAIL: /,
    },
    does: `cat /usr/share/onescan/examples/rspamd/force_actions.conf >>${SETTINGS}/force_actions.conf; ${RESTART}`,
    restores: asKept,
  },
  {
    name: 'rspamd runs with older settings than its files have',
    breaks: `sleep 2; touch ${SECTION}`,
    reported: {
      level: 'warning',
      what: 'rspamd',
      value: /^runs with older settings than those in its files, which this check reads$/,
      remedy: /^rspamadm configtest && systemctl restart rspamd$/,
    },
    restores: 'sleep 2',
  },
]
