import { number, size, text, word } from './kinds.ts'

export const scanners = {
  QHPSI: text(undefined, 'what scans: `plugin: NAME...`, or a command with `%s` for the message', {
    fromClient: 'bounded',
  }),
  QHPSIRC: number(1, 'exit code of a command for infected', { max: 255 }),
  QHPSIRN: number(0, 'exit code of a command for clean', { max: 255 }),
  QHPSIMINSIZE: size(undefined, 'smaller messages are not scanned', { fromClient: 'taken' }),
  QHPSIMAXSIZE: size(undefined, 'larger messages are not scanned', { fromClient: 'taken' }),
  SCANTIMEOUT: number(150, 'seconds for all scanners of a message', {
    min: 1,
    max: 86_400,
    unit: 'seconds',
    fromClient: 'bounded',
  }),
  PLUGINDIR: text('plugins', 'where file plugins are, below `QMAILHOME` or absolute'),
  QUEUE_PLUGIN: text('virusscan', 'what file plugins export'),
}

export const infectedMail = {
  REJECTVIRUS: text('0', 'infected mail: 0 tags, 2 drops, anything else refuses', {
    fromClient: 'taken',
  }),
  VIRUSTAGONLY: text(undefined, 'signatures that are only tagged: `Heuristics.* PUA.*`'),
  VIRUSFORWARD: text(undefined, 'address that gets infected mail instead of its recipients', {
    fromClient: 'taken',
  }),
  REFUSALTEXT: text(
    undefined,
    'what refused senders are told, with `{virus}`, `{ground}`, `{id}`, `{host}`',
    { fromClient: 'taken' },
  ),
  REFUSALTEXT_BANNED: text(undefined, 'the same for banned attachments', {
    fromClient: 'taken',
    defaultInWords: 'as `REFUSALTEXT`',
  }),
  REFUSALTEXT_UNREADABLE: text(
    undefined,
    'the same for mail that is nested too deep, has too much inside, or that STRICTMIME refuses',
    { fromClient: 'taken', defaultInWords: 'as `REFUSALTEXT`' },
  ),
  QUARANTINE: text(
    undefined,
    'directory that keeps infected mail instead of its recipients, or `hold` for the queue of the MTA (milter)',
  ),
  QUARANTINEDAYS: number(30, 'days after which it is removed from there; 0 for never', {
    max: 36_500,
    unit: 'days',
    readers: ['onescand'],
  }),
  QUARANTINEMESSAGES: number(1_000_000, 'messages that are left there, the newest; 0 for all', {
    readers: ['onescand'],
  }),
  QUARANTINESIZE: size('10G', 'bytes that are left there; 0 for all', { readers: ['onescand'] }),
}

export const unscannedMail = {
  SCANFAIL: word(
    ['defer', 'accept', 'quarantine'],
    'mail that could not be scanned: `defer`, `accept` untagged, or `quarantine`',
    { fromClient: 'bounded' },
  ),
  SCANFAIL_RELAY: text(undefined, 'the same for relay clients', {
    fromClient: 'bounded',
    defaultInWords: 'as `SCANFAIL`',
  }),
  OVERSIZE: word(['accept', 'defer'], "mail over ClamAV's limits: `accept` unscanned, or `defer`"),
  // clamd 1.4 with its own MaxRecursion of 17 looks into 15 messages attached to one another, and
  // into 17 multiparts inside one another. The default leaves some of that for archives in the
  // innermost one.
  MAXNESTING: number(12, 'messages or multiparts inside one another', { min: 1, max: 100 }),
  OVERNESTING: word(
    ['reject', 'defer', 'quarantine', 'accept'],
    'mail that is nested deeper: `reject`, `defer`, `quarantine`, or `accept` untagged',
  ),
  SECONDLOOK: word(
    ['always', 'never'],
    'scans each part of a message as the file that a mail program saves, besides the whole: `always`, `never`',
  ),
  ENCRYPTED: word(
    ['accept', 'defer', 'quarantine', 'refuse'],
    'mail with something in it that is encrypted by S/MIME or OpenPGP: `accept`, `defer`, `quarantine`, `refuse`',
  ),
  STRICTMIME: word(
    ['off', 'defer', 'quarantine', 'refuse'],
    'mail with forms that ordinary mail never has: `off` scans it, `defer`, `quarantine`, `refuse`',
  ),
}

export const clamAv = {
  CLAMD: text(
    '/run/clamav/clamd.ctl',
    'sockets or host:port of clamd, with `*2` behind one that can do twice as much',
  ),
  CLAMDMAXSIZE: size('100M', 'larger messages are not given to ClamAV'),
  CLAMSCAN: word(
    ['clamscan', 'clamdscan', 'socket', 'tcp', 'tls'],
    'how the plugin `clamscan` scans: `clamscan`, `clamdscan`, `socket`, `tcp`, `tls`',
  ),
  CLAMSCANPROGRAM: text(undefined, 'the program that it runs', {
    defaultInWords: 'as `CLAMSCAN`, in `/usr/bin`',
  }),
  CLAMDBDIR: text(
    '/var/lib/clamav',
    'virus signatures; stamps and verdicts that were made with older ones do not count',
  ),
  CLAMDCONF: text(undefined, 'configuration file for `clamdscan`'),
  BADATTACHMENTS: text(
    undefined,
    'rules of the plugin `attachments`: a file, or names as `*.exe *.scr`',
    { defaultInWords: 'control/badattachments' },
  ),
  BADMIME: word(
    ['defer', 'accept'],
    'mail with more in it than is read, for it: `defer`, `accept`',
  ),
}
