import type { Fault } from './broken-hosts.ts'

/** Faults of the host with qmail: its service, its rules and its programs. */

const SERVICE = '/service/qmail-smtpd'
const LOG = '/var/log/qmail/smtpd'
const KEPT = '/var/qmail/supervise'
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
    name: 'qmail-queue belongs to root, who alone may run it',
    breaks: 'chown root:root /var/qmail/bin/qmail-queue; chmod 700 /var/qmail/bin/qmail-queue',
    reported: {
      level: 'error',
      what: 'next program',
      value: /cannot execute \/var\/qmail\/bin\/qmail-queue: mail is deferred$/,
      remedy:
        /^chown qmailq:qmail \/var\/qmail\/bin\/qmail-queue && chmod 4711 \/var\/qmail\/bin\/qmail-queue$/,
    },
  },
  {
    name: 'only root writes temporary files',
    breaks: 'chmod 755 /tmp',
    reported: {
      level: 'warning',
      what: '/tmp',
      value: /^has mode 0755: /,
      remedy: /^chmod 1777 \/tmp$/,
    },
    // No remedy gives /tmp to an account.
    does: '! onescan check | grep "chown .* /tmp" && chmod 1777 /tmp',
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
  {
    name: 'another program has the port of qmail-smtpd',
    breaks: `svc -d ${SERVICE}; sleep 1; systemd-run --collect --unit=other tcpserver 0 25 cat; sleep 1; svc -u ${SERVICE}; sleep 2`,
    reported: {
      level: 'error',
      what: SERVICE,
      value: /^exits right after each start: process \d+ \(tcpserver\) has port 25$/,
      remedy: /^systemctl stop other\.service; svc -t \/service\/qmail-smtpd$/,
    },
    does: `systemctl stop other.service; ${AGAIN}`,
  },
  {
    name: 'the run script has an option that tcpserver does not know',
    breaks: `sed -i 's/tcpserver -v/tcpserver -Y -v/' ${SERVICE}/run; ${AGAIN}`,
    reported: {
      level: 'error',
      what: SERVICE,
      value: /^exits right after each start; its log ends in "tcpserver: usage: /,
    },
    does: `sed -i 's/tcpserver -Y/tcpserver/' ${SERVICE}/run; ${AGAIN}`,
  },
  {
    name: 'the account of the log may not write it',
    breaks: `chown -R root ${LOG}; svc -t ${SERVICE}/log`,
    reported: {
      level: 'error',
      what: `${SERVICE}/log`,
      value:
        /^qmaill may not write \/var\/log\/qmail\/smtpd: the service stops when much is unwritten$/,
      remedy: /^chown -R qmaill \/var\/log\/qmail\/smtpd && chmod u\+rwx \S+ && svc -t \S+\/log$/,
    },
  },
  {
    name: 'nothing supervises the services',
    breaks: 'systemctl disable --now daemontools-run; pkill supervise; pkill tcpserver; sleep 1',
    reported: {
      level: 'error',
      what: SERVICE,
      value: /^is not supervised: it does not start, or nothing starts it again when it ends$/,
      remedy: /^systemctl enable daemontools-run && systemctl restart daemontools-run$/,
    },
    does: `systemctl enable daemontools-run && systemctl restart daemontools-run; ${WAITS}`,
  },
  {
    name: 'no link leads to the service',
    breaks: `mkdir -p ${KEPT}; svc -dx ${SERVICE} ${SERVICE}/log; mv ${SERVICE} ${KEPT}/; sleep 1`,
    reported: {
      level: 'warning',
      what: `${KEPT}/qmail-smtpd`,
      value: /^is not started: no link in \/service leads to it$/,
      remedy: /^ln -s \/var\/qmail\/supervise\/qmail-smtpd \/service\/$/,
    },
    does: `ln -s ${KEPT}/qmail-smtpd /service/; sleep 6`,
  },
  {
    name: 'the rules deny all hosts but this one',
    breaks: rules(
      '127.:allow,QMAILQUEUE="/etc/onescan/queue",QHPSI="plugin: clamd",REJECTVIRUS="1"',
      ':deny',
    ),
    reported: {
      level: 'warning',
      what: RULES,
      value: /^denies all clients that no other rule names: other hosts send no mail to this one$/,
      remedy:
        /^if they should, write :allow with the settings of the other rules instead of :deny, /,
    },
    does: rules(':allow,QMAILQUEUE="/etc/onescan/queue",QHPSI="plugin: clamd",REJECTVIRUS="1"'),
  },
  {
    name: 'the program of QUEUECHAIN was removed',
    breaks: rules(
      ':allow,QMAILQUEUE="/etc/onescan/queue",QHPSI="plugin: clamd",REJECTVIRUS="1",QUEUECHAIN="/var/qmail/bin/simscan"',
    ),
    reported: {
      level: 'error',
      what: 'next program',
      value: /\/var\/qmail\/bin\/simscan/,
      remedy: /^remove QUEUECHAIN \(qmail-queue is the default\), or set it to another program /,
    },
    does: rules(':allow,QMAILQUEUE="/etc/onescan/queue",QHPSI="plugin: clamd",REJECTVIRUS="1"'),
  },
]
