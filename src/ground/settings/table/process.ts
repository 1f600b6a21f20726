import { number, text } from './kinds.ts'

const slot = { readers: ['slot'] } as const
const own = { fromClient: undefined } as const

export const answersAndLog = {
  ERROR_FD: number(undefined, {
    min: 2,
    max: 255,
    ...slot,
    fromClient: 'client',
  }),
  ERROR_EXIT: text(undefined, {
    ...slot,
    fromClient: 'client',
    defaultInWords: '88 for descriptor 2, else 82',
  }),
  LOGFILE: text(undefined, {
    ...own,
    defaultInWords: "standard error if that is a log, else the system's log",
  }),
  PROTO: text(undefined, {
    ...slot,
    defaultInWords: 'from the caller',
  }),
  TCPLOCALIP: text(undefined, { ...slot, defaultInWords: 'from the caller' }),
  DTLINE: text(undefined, { ...slot, defaultInWords: 'from the caller' }),
  RPLINE: text(undefined, { ...slot, defaultInWords: 'from the caller' }),
  UFLINE: text(undefined, { ...slot, defaultInWords: 'from the caller' }),
  JOURNAL_STREAM: text(undefined, { ...slot, defaultInWords: 'from the caller' }),
}

export const places = {
  QUEUECHAIN: text(undefined, {
    ...slot,
    fromClient: 'message',
    defaultInWords: "`bin/qmail-queue` under qmail's home",
  }),
  QMAILHOME: text('/var/qmail'),
  CONTROLDIR: text('control'),
  TMPDIR: text(undefined, {
    ...own,
    defaultInWords: '`/tmp`',
  }),
  SPOOLDIR: text(undefined, {
    ...own,
    defaultInWords: 'a fresh directory under `TMPDIR` that only this user can enter',
  }),
  PATH: text(undefined, {
    ...own,
    defaultInWords: 'from the caller',
  }),
}

export const whoSends = {
  RELAYCLIENT: text(undefined, {
    ...slot,
    fromClient: 'client',
    defaultInWords: 'from the caller',
  }),
  TCPREMOTEIP: text(undefined, {
    ...slot,
    fromClient: 'message',
    defaultInWords: 'from the caller',
  }),
  TCPREMOTEHOST: text(undefined, {
    ...slot,
    fromClient: 'message',
    defaultInWords: 'from the caller',
  }),
  BOUNCEUSER: text('qmails'),
}

/** Settings that only the thin client reads, onescanc(8). */
export const thinClient = {
  ONESCAN_SOCKET: text('/run/onescan/slot.sock', slot),
  ONESCAN_COLD: text(undefined, {
    ...slot,
    defaultInWords:
      '`onescan-queue` in the directory of `onescanc`, with links resolved, or in the one above, else `/usr/lib/onescan/onescan-queue`',
  }),
  ONESCAN_COLD_MAX: text(undefined, {
    ...slot,
    defaultInWords: 'two for each processor, at least 4',
  }),
  ONESCAN_COLD_WAIT: text('60', slot),
}
