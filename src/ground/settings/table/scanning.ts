import { number, size, text, word } from './kinds.ts'

export const scanners = {
  QHPSI: text(undefined, {
    fromClient: 'bounded',
  }),
  QHPSIRC: number(1, { max: 255 }),
  QHPSIRN: number(0, { max: 255 }),
  QHPSIMINSIZE: size(undefined, { fromClient: 'taken', defaultInWords: 'no limit' }),
  QHPSIMAXSIZE: size(undefined, { fromClient: 'taken', defaultInWords: 'no limit' }),
  SCANTIMEOUT: number(150, {
    min: 1,
    max: 86_400,
    unit: 'seconds',
    fromClient: 'bounded',
  }),
  PLUGINDIR: text('plugins'),
  QUEUE_PLUGIN: text('virusscan'),
}

export const infectedMail = {
  REJECTVIRUS: text('0', {
    fromClient: 'taken',
  }),
  VIRUSTAGONLY: text(undefined),
  VIRUSFORWARD: text(undefined, {
    fromClient: 'taken',
  }),
  REFUSALTEXT: text(undefined, {
    fromClient: 'taken',
    defaultInWords: 'a text in English that names what was found',
  }),
  REFUSALTEXT_BANNED: text(undefined, {
    fromClient: 'taken',
    defaultInWords: 'as `REFUSALTEXT`',
  }),
  REFUSALTEXT_UNREADABLE: text(undefined, {
    fromClient: 'taken',
    defaultInWords: 'as `REFUSALTEXT`',
  }),
  QUARANTINE: text(undefined),
  QUARANTINEDAYS: number(30, {
    max: 36_500,
    unit: 'days',
    readers: ['onescand'],
  }),
  QUARANTINEMESSAGES: number(1_000_000, {
    readers: ['onescand'],
  }),
  QUARANTINESIZE: size('10G', { readers: ['onescand'] }),
}

export const unscannedMail = {
  SCANFAIL: word(['defer', 'accept', 'quarantine'], { fromClient: 'bounded' }),
  SCANFAIL_RELAY: text(undefined, {
    fromClient: 'bounded',
    defaultInWords: 'as `SCANFAIL`',
  }),
  OVERSIZE: word(['accept', 'defer']),
  // clamd 1.4 with its own MaxRecursion of 17 looks into 15 messages attached to one another, and
  // into 17 multiparts inside one another. The default leaves some of that for archives in the
  // innermost one.
  MAXNESTING: number(14, { min: 1, max: 100 }),
  OVERNESTING: word(['refuse', 'defer', 'quarantine', 'accept']),
  SECONDLOOK: word(['always', 'never']),
  ENCRYPTED: word(['accept', 'defer', 'quarantine', 'refuse']),
  STRICTMIME: word(['off', 'defer', 'quarantine', 'refuse']),
}

export const clamAv = {
  CLAMD: text('/run/clamav/clamd.ctl'),
  CLAMDMAXSIZE: size('100M'),
  CLAMSCAN: word(['clamscan', 'clamdscan']),
  CLAMSCANPROGRAM: text(undefined, {
    defaultInWords: '`/usr/bin/clamscan` or `/usr/bin/clamdscan`',
  }),
  CLAMDBDIR: text('/var/lib/clamav'),
  CLAMDCONF: text(undefined, { defaultInWords: 'its own' }),
  BADATTACHMENTS: text(undefined, { defaultInWords: '`control/badattachments`' }),
  BADMIME: word(['defer', 'accept']),
}
