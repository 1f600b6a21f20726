import { number, text } from './kinds.ts'

const slot = { readers: ['slot'] } as const
const own = { fromClient: undefined } as const

export const answersAndLog = {
  ERROR_FD: number(undefined, 'descriptor that replies are sent to', {
    min: 2,
    max: 255,
    ...slot,
    fromClient: 'client',
  }),
  ERROR_EXIT: text(undefined, 'exit code that says that there is one: 82, 88', {
    ...slot,
    fromClient: 'client',
    defaultInWords: '82; 88 with `ERROR_FD=2`',
  }),
  LOGFILE: text(
    undefined,
    'where the log goes, each line with its time; if it is unset and standard error is no log, it goes to syslog',
    { ...own, defaultInWords: 'standard error' },
  ),
  PROTO: text(undefined, 'whether standard error is a log, as are the next ones', {
    ...slot,
    defaultInWords: 'from the caller',
  }),
  TCPLOCALIP: text(undefined, 'as `PROTO`', { ...slot, defaultInWords: 'from the caller' }),
  DTLINE: text(undefined, 'as `PROTO`', { ...slot, defaultInWords: 'from the caller' }),
  RPLINE: text(undefined, 'as `PROTO`', { ...slot, defaultInWords: 'from the caller' }),
  UFLINE: text(undefined, 'as `PROTO`', { ...slot, defaultInWords: 'from the caller' }),
  JOURNAL_STREAM: text(undefined, 'as `PROTO`', { ...slot, defaultInWords: 'from the caller' }),
}

export const places = {
  QUEUECHAIN: text(undefined, 'the next program', {
    ...slot,
    fromClient: 'message',
    defaultInWords: 'bin/qmail-queue',
  }),
  QMAILHOME: text('/var/qmail', 'where qmail is'),
  CONTROLDIR: text('control', 'its control files, below `QMAILHOME` or absolute'),
  TMPDIR: text(undefined, 'where messages are kept while they are judged', {
    ...own,
    defaultInWords: '/tmp',
  }),
  SPOOLDIR: text(undefined, 'the same for messages that scanners open by path', own),
  PATH: text(undefined, 'where programs without a slash are looked up', {
    ...own,
    defaultInWords: 'from the caller',
  }),
}

export const whoSends = {
  RELAYCLIENT: text(undefined, 'set, even if empty: the client may relay', {
    ...slot,
    fromClient: 'client',
    defaultInWords: 'from the caller',
  }),
  TCPREMOTEIP: text(undefined, "the client's address", {
    ...slot,
    fromClient: 'message',
    defaultInWords: 'from the caller',
  }),
  TCPREMOTEHOST: text(undefined, "the client's name", {
    ...slot,
    fromClient: 'message',
    defaultInWords: 'from the caller',
  }),
  BOUNCEUSER: text('qmails', 'the user that qmail-send injects bounces as'),
}

/** Settings that only the thin client reads, onescanc(8). */
export const thinClient = {
  ONESCAN_SOCKET: text('/run/onescan/slot.sock', "onescand's socket", slot),
  ONESCAN_COLD: text(undefined, 'the program to become without `onescand`', {
    ...slot,
    defaultInWords: 'beside `onescanc`',
  }),
  ONESCAN_COLD_MAX: text(undefined, 'such programs at once; 0: any number', {
    ...slot,
    defaultInWords: 'by processors',
  }),
  ONESCAN_COLD_WAIT: text('60', 'seconds that a client waits for one of them to end', slot),
}
