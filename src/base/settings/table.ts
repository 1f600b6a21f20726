import { attachments } from './table/banned-attachments.ts'
import { clamAv } from './table/clamav.ts'
import { cluster } from './table/cluster.ts'
import { findings } from './table/findings.ts'
import { infectedMail } from './table/infected-mail.ts'
import { type FromClient, forScanners, number, type Setting, text, word } from './table/kinds.ts'
import { quota, quotaDirectory, quotaPlugin, quotaService } from './table/mailbox-quota.ts'
import { quarantineLimits, quarantinePage } from './table/quarantine-limits.ts'
import { scanners } from './table/scanners.ts'
import { unscannedMail } from './table/unscanned-mail.ts'
import { verdicts } from './table/verdict-cache.ts'

const slot = { readers: ['slot'] } as const
const own = { fromClient: undefined } as const

/** What onescand replies to clients of clamd about mail without a result. */
const clamdClients = { SCANFAIL_CLAMD: word(['error', 'limit'], { readers: ['onescand'] }) }

const answersAndLog = {
  ERROR_FD: number(undefined, { min: 2, max: 255, ...slot, fromClient: 'about client' }),
  LOGFILE: text(undefined, {
    ...own,
    path: 'writes',
    defaultInWords: 'standard error if it is a log, otherwise syslog',
  }),
}

const places = {
  QUEUECHAIN: text(undefined, {
    ...slot,
    fromClient: 'about message',
    defaultInWords: "`bin/qmail-queue` under qmail's home",
  }),
  QMAILHOME: text('/var/qmail', forScanners),
  CONTROLDIR: text('control', forScanners),
  TMPDIR: text(undefined, {
    ...own,
    ...forScanners,
    path: 'writes into',
    defaultInWords: '`/tmp`',
  }),
  SPOOLDIR: text(undefined, {
    ...own,
    path: 'writes into',
    defaultInWords: 'a fresh directory under `TMPDIR` that only this user can enter',
  }),
}

const senders = {
  RELAYCLIENT: text(undefined, { ...slot, ...forScanners, fromClient: 'about client' }),
  BOUNCEUSER: text('qmails'),
}

/** The socket at which onescand listens for onescanc, unless --socket names another one; onescand(8). */
export const SLOT_SOCKET = '/run/onescan/qmail.sock'

/** Settings that only the thin client, onescanc(8), reads. */
const thinClient = { ONESCAN_SOCKET: text(SLOT_SOCKET, slot) }

/**
 * All settings, in the order of the manual pages: name, kind, default and readers. The readers of settings,
 * `--check` and `onescan check` use this table. `npm run docs` writes the defaults into the manual pages, and
 * the part that the C programs need into src/c/tables.h. A test compares the manual pages with it
 * (test/documents/settings.test.ts).
 */
export const settingTable = {
  ...scanners,
  ...infectedMail,
  ...quarantineLimits,
  ...quarantinePage,
  ...unscannedMail,
  ...clamdClients,
  ...findings,
  ...clamAv,
  ...attachments,
  ...quota,
  ...cluster,
  ...verdicts,
  ...answersAndLog,
  ...places,
  ...senders,
  ...thinClient,
  ...quotaPlugin,
  ...quotaService,
  ...quotaDirectory,
} satisfies Readonly<Record<string, Setting>>

/** The settings that decide about a message. */
export const mailSettings = {
  ...scanners,
  ...infectedMail,
  ...unscannedMail,
  ...findings,
  ...clamAv,
  ...attachments,
}

/**
 * Variables that are not settings, each with how onescand treats a client's: servers, qmail-local, systemd and
 * the shell set them.
 */
export const readFromCaller: ReadonlyMap<string, FromClient> = new Map([
  ['PATH', undefined],
  ['TCPREMOTEIP', 'about message'],
  ['TCPREMOTEHOST', 'about message'],
  // By these the slot finds out whether standard error is a log (onescan-log(5)).
  ...['PROTO', 'TCPLOCALIP', 'DTLINE', 'RPLINE', 'UFLINE', 'JOURNAL_STREAM'].map(
    (name) => [name, undefined] as const,
  ),
])

export type SettingName = keyof typeof settingTable

export const settingNames = Object.keys(settingTable) as readonly SettingName[]

export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(settingTable, name)
}

/** Names that other programs have for settings here. */
export const settingAliases: readonly string[] = settingNames.flatMap(
  (name) => settingTable[name].alias ?? [],
)

/** Returns how onescand treats a variable of a client. An unknown one must have the daemon's value. */
export const fromClientOf = (name: string): FromClient =>
  isSetting(name)
    ? settingTable[name].fromClient
    : readFromCaller.has(name)
      ? readFromCaller.get(name)
      : 'must match'
