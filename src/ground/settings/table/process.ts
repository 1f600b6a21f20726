import { number, text } from './kinds.ts'

const slot = { readers: ['slot'] } as const
const own = { told: undefined } as const

export const answersAndLog = {
  ERROR_FD: number(undefined, 'descriptor that replies are sent to', {
    min: 2,
    max: 255,
    ...slot,
    told: 'client',
  }),
  ERROR_EXIT: text(undefined, 'exit code that says that there is one: 82, 88', {
    ...slot,
    told: 'client',
    otherwise: '82; 88 with `ERROR_FD=2`',
  }),
  LOGFILE: text(
    undefined,
    'where the log goes, each line with its time; if it is unset and standard error is no log, it goes to syslog',
    { ...own, otherwise: 'standard error' },
  ),
  PROTO: text(undefined, 'whether standard error is a log, as are the next ones', {
    ...slot,
    otherwise: 'from the caller',
  }),
  TCPLOCALIP: text(undefined, 'as `PROTO`', { ...slot, otherwise: 'from the caller' }),
  DTLINE: text(undefined, 'as `PROTO`', { ...slot, otherwise: 'from the caller' }),
  RPLINE: text(undefined, 'as `PROTO`', { ...slot, otherwise: 'from the caller' }),
  UFLINE: text(undefined, 'as `PROTO`', { ...slot, otherwise: 'from the caller' }),
  JOURNAL_STREAM: text(undefined, 'as `PROTO`', { ...slot, otherwise: 'from the caller' }),
}

export const places = {
  QUEUECHAIN: text(undefined, 'the next program', {
    ...slot,
    told: 'message',
    otherwise: 'bin/qmail-queue',
  }),
  QMAILHOME: text('/var/qmail', 'where qmail is'),
  CONTROLDIR: text('control', 'its control files, below `QMAILHOME` or absolute'),
  TMPDIR: text(undefined, 'where messages are kept while they are judged', {
    ...own,
    otherwise: '/tmp',
  }),
  SPOOLDIR: text(undefined, 'the same for messages that scanners open by path', own),
  PATH: text(undefined, 'where programs without a slash are looked up', {
    ...own,
    otherwise: 'from the caller',
  }),
}

export const whoSends = {
  RELAYCLIENT: text(undefined, 'set, even if empty: the client may relay', {
    ...slot,
    told: 'client',
    otherwise: 'from the caller',
  }),
  TCPREMOTEIP: text(undefined, "the client's address", {
    ...slot,
    told: 'message',
    otherwise: 'from the caller',
  }),
  TCPREMOTEHOST: text(undefined, "the client's name", {
    ...slot,
    told: 'message',
    otherwise: 'from the caller',
  }),
  BOUNCEUSER: text('qmails', 'the user that qmail-send injects bounces as', {
    ...slot,
    told: 'message',
  }),
}

/** Settings that only the thin client reads, onescanc(8). */
export const thinClient = {
  ONESCAN_SOCKET: text('/run/onescan/slot.sock', "onescand's socket", slot),
  ONESCAN_COLD: text(undefined, 'the program to become without `onescand`', {
    ...slot,
    otherwise: 'beside `onescanc`',
  }),
  ONESCAN_COLD_MAX: text(undefined, 'such programs at once; 0: any number', {
    ...slot,
    otherwise: 'by processors',
  }),
  ONESCAN_COLD_WAIT: text('60', 'seconds that a client waits for one of them to end', slot),
}
