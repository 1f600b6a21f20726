import { Fault } from '../../errors/fault.ts'
import { number, parsed, size, text, word, wordList } from './kinds.ts'
import { readQhpsiLine } from './qhpsi.ts'
import { splitWords } from './values.ts'

export const scanners = {
  QHPSI: parsed(undefined, readQhpsiLine, {
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

export const couldNotTell = {
  SCANFAIL: word(['defer', 'accept', 'quarantine'], { fromClient: 'bounded' }),
  SCANFAIL_RELAY: text(undefined, {
    fromClient: 'bounded',
    defaultInWords: 'as `SCANFAIL`',
  }),
}

/** Mail of which scanners do not see all. */
const unseenMail = {
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

export const unscannedMail = { ...couldNotTell, ...unseenMail }

/** The directory of signatures in ClamAV's packages. */
export const DEFAULT_DATABASE = '/var/lib/clamav'

export const clamAv = {
  CLAMD: wordList('/run/clamav/clamd.ctl'),
  CLAMDMAXSIZE: size('100M'),
  CLAMSCAN: word(['clamscan', 'clamdscan']),
  CLAMSCANPROGRAM: text(undefined, {
    defaultInWords: '`/usr/bin/clamscan` or `/usr/bin/clamdscan`',
  }),
  CLAMDBDIR: text(undefined, { defaultInWords: `\`${DEFAULT_DATABASE}\`` }),
  CLAMDCONF: text(undefined, { defaultInWords: 'its own' }),
  BADATTACHMENTS: parsed(undefined, readBanned, { defaultInWords: '`control/badattachments`' }),
  BADMIME: word(['defer', 'accept']),
}

/** By what mail is scanned. */
export const scanning = { ...scanners, ...unseenMail, ...clamAv }

/** The control file of banned names and types (ATTACHMENTS in onescan-queue(8)), or patterns of names alone. */
export type BannedBy = { readonly file: string } | { readonly names: readonly string[] }

/**
 * Reads an absolute path or patterns of names. A name has to hold `*` or `?`, so that a misspelt path is
 * an error and not taken for a name.
 */
function readBanned(text: string): BannedBy {
  if (text.startsWith('/')) return { file: text }
  const names = splitWords(text, 'BADATTACHMENTS')
  if (names.length > 0 && names.every((name) => /[*?]/.test(name))) return { names }
  throw new Fault(
    'config',
    `BADATTACHMENTS ${text}: must be an absolute path, or names with * or ?, as "*.exe *.scr"`,
  )
}
