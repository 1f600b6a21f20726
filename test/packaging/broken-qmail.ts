import type { Fault } from './broken-hosts.ts'

/** Faults of the host with qmail: its service, its rules and its programs. */

const SERVICE = '/service/qmail-smtpd'
const WAITS = 'sleep 5'
const AGAIN = `svc -t ${SERVICE}; ${WAITS}`
const RULES = '/etc/tcp.smtp'
const MAKE = `tcprules ${RULES}.cdb ${RULES}.tmp <${RULES}`
const rules = (...lines: readonly string[]) =>
  `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >${RULES}; ${MAKE}`
const slot = 'qmail-queue program'

export const faultsOfQmail: readonly Fault[] = [
  {
    name: 'the rules have no setting of onescan',
    breaks: rules(':allow'),
    reported: {
      level: 'error',
      what: slot,
      value: /^QMAILQUEUE is not set for these clients: their mail goes to qmail-queue unscanned$/,
      remedy: /^sh .*\/qmail-rules$/,
    },
  },
  {
    name: 'the compiled rules are gone',
    breaks: `rm ${RULES}.cdb`,
    reported: {
      level: 'error',
      what: 'process',
      value: /-x \/etc\/tcp\.smtp\.cdb: .*: the service accepts no mail$/,
      remedy: /^\(umask 022 && tcprules /,
    },
  },
  {
    name: 'the run script is not executable',
    breaks: `chmod a-x ${SERVICE}/run; ${AGAIN}`,
    reported: {
      level: 'error',
      what: '/service/qmail-smtpd',
      value: /^cannot start: its file "run" is not executable$/,
      remedy: /^chmod a\+x \/service\/qmail-smtpd\/run$/,
    },
    does: `chmod a+x ${SERVICE}/run; ${WAITS}`,
  },
]
