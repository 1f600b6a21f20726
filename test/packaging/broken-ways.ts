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
    name: 'users submit mail past the proxy',
    breaks: `postconf -M submission/inet='submission inet n - y - - smtpd'; ${RELOAD}`,
    reported: {
      level: 'error',
      what: 'submission/inet',
      value: /^passes mail past the smtpd_proxy_filter of other services: it is not scanned$/,
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
