import { absolutePath } from '../lib/text/values.ts'
import { type FromClient, number, parsed, type Setting, text, word } from './table/kinds.ts'
import { clamAv, findings, infectedMail, scanners, unscannedMail } from './table/scanning.ts'

/** onescand reads the client's value, but its own counts. */
const asked = { fromClient: 'asked' } as const

const quota = {
  QUOTAD: text(undefined),
  QUOTANAME: word(['address', 'local'], asked),
  QUOTADELIMITER: text(undefined, asked),
  QUOTATIMEOUT: number(500, {
    min: 1,
    max: 60_000,
    unit: 'milliseconds',
    readers: ['slot', 'onescand', 'onescan-quotad'],
    ...asked,
  }),
  QUOTASOFT: number(50, { max: 100, unit: 'percent', ...asked }),
  QUOTARELAY: word(['pass', 'ask'], asked),
}

export const cluster = {
  CLUSTERKEYS: text(undefined, { defaultInWords: '`control/clusterkeys`' }),
  CLUSTERMAXAGE: number(3600, { unit: 'seconds' }),
  CLUSTERPEERS: word(['optional', 'required']),
  CLUSTERPEER: text(undefined, { fromClient: 'client' }),
}

const daemon = { readers: ['onescand'] } as const

export const verdicts = {
  VERDICTS: text('memory', daemon),
  VERDICTPASSWORD: text(undefined, daemon),
  VERDICTSENTINELPASSWORD: text(undefined, daemon),
  VERDICTCA: text(undefined, { ...daemon, defaultInWords: "the system's CAs" }),
  // At most a day: signatures of today may find what yesterday's did not.
  VERDICTMAXAGE: number(3600, { max: 86_400, unit: 'seconds', ...daemon }),
}

const slot = { readers: ['slot'] } as const
const own = { fromClient: undefined } as const

const answersAndLog = {
  ERROR_FD: number(undefined, { min: 2, max: 255, ...slot, fromClient: 'client' }),
  LOGFILE: text(undefined, {
    ...own,
    defaultInWords: "standard error if that is a log, else the system's log",
  }),
}

const places = {
  QUEUECHAIN: text(undefined, {
    ...slot,
    fromClient: 'message',
    defaultInWords: "`bin/qmail-queue` under qmail's home",
  }),
  QMAILHOME: text('/var/qmail'),
  CONTROLDIR: text('control'),
  TMPDIR: text(undefined, { ...own, defaultInWords: '`/tmp`' }),
  SPOOLDIR: text(undefined, {
    ...own,
    defaultInWords: 'a fresh directory under `TMPDIR` that only this user can enter',
  }),
}

const whoSends = {
  RELAYCLIENT: text(undefined, { ...slot, fromClient: 'client' }),
  BOUNCEUSER: text('qmails'),
}

/** The socket at which onescand listens for onescanc, unless --socket names another one; onescand(8). */
export const SLOT_SOCKET = '/run/onescan/qmail.sock'

/** Settings that only the thin client, onescanc(8), reads. */
const thinClient = { ONESCAN_SOCKET: text(SLOT_SOCKET, slot) }

const service = { readers: ['onescan-quotad'] } as const

const quotaService = {
  QUOTAMAILBOX: text('maildir:~/Maildir', service),
  QUOTAUSERS: text(undefined, {
    ...service,
    defaultInWords: '`ldap` if `QUOTALDAPURL` is set, else `passwd` if `QUOTAMAILBOX` needs homes',
  }),
  QUOTADOMAINS: text(undefined, {
    ...service,
    defaultInWords: "qmail's `control/locals` or `control/me`, else the host name",
  }),
  QUOTAMAP: parsed(undefined, absolutePath, service),
  QUOTADEFAULT: text(undefined, { ...service, defaultInWords: 'unlimited' }),
}

/** Settings of all programs that use a directory of users. A client of onescand sends none of them. */
const directory = {
  readers: ['slot', 'onescand', 'onescan-quotad'],
  fromClient: undefined,
} as const

const quotaDirectory = {
  QUOTALDAPURL: text(undefined, directory),
  QUOTALDAPBIND: text(undefined, directory),
  QUOTALDAPPASSWORD: parsed(undefined, absolutePath, directory),
  QUOTALDAPCA: parsed(undefined, absolutePath, {
    ...directory,
    defaultInWords: "the system's CAs",
  }),
  QUOTALDAPFILTER: text('(|(uid=%u)(mail=%u)(mailAlternateAddress=%u))', directory),
  QUOTALDAPHOME: text('mailMessageStore', directory),
  QUOTALDAPQUOTA: text('mailQuotaSize', directory),
  QUOTALDAPBACKEND: text('mailHost', directory),
}

/**
 * All settings, in the order of the manual pages: name, kind, default and readers. The readers of settings,
 * `--check` and `onescan check` use this table. `npm run docs` writes the defaults into the manual pages, and
 * the part that the C programs need into src/c/tables.h. A test compares the manual pages with it
 * (test/documents/settings.test.ts).
 */
export const table = {
  ...scanners,
  ...infectedMail,
  ...unscannedMail,
  ...findings,
  ...clamAv,
  ...quota,
  ...cluster,
  ...verdicts,
  ...answersAndLog,
  ...places,
  ...whoSends,
  ...thinClient,
  ...quotaService,
  ...quotaDirectory,
} satisfies Readonly<Record<string, Setting>>

/**
 * Variables that are not settings, each with how onescand treats a client's: servers, qmail-local, systemd and
 * the shell set them.
 */
export const readFromCaller: ReadonlyMap<string, FromClient> = new Map([
  ['PATH', undefined],
  ['TCPREMOTEIP', 'message'],
  ['TCPREMOTEHOST', 'message'],
  // By these the slot finds out whether standard error is a log (onescan-log(5)).
  ...['PROTO', 'TCPLOCALIP', 'DTLINE', 'RPLINE', 'UFLINE', 'JOURNAL_STREAM'].map(
    (name) => [name, undefined] as const,
  ),
])

export type SettingName = keyof typeof table

export const names = Object.keys(table) as readonly SettingName[]

export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(table, name)
}

/** Names that other programs have for settings here. */
export const aliases: readonly string[] = names.flatMap((name) => table[name].alias ?? [])

/** Returns how onescand treats a variable of a client. An unknown one must have the daemon's value. */
export const fromClientOf = (name: string): FromClient =>
  isSetting(name)
    ? table[name].fromClient
    : readFromCaller.has(name)
      ? readFromCaller.get(name)
      : 'same'
