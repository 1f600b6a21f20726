import { cluster, verdicts } from './table/cluster.ts'
import type { Setting } from './table/kinds.ts'
import { answersAndLog, places, thinClient, whoSends } from './table/process.ts'
import { quota, quotaDirectory, quotaService } from './table/quota.ts'
import { clamAv, infectedMail, scanners, unscannedMail } from './table/scanning.ts'

/**
 * All settings, in the order of the manual pages: name, kind, default and readers. The readers of
 * settings, `--check` and `onescan check` work from this table, and `npm run docs` writes defaults
 * into the manual pages, and what the programs in C know of it into src/c/tables.h. A test holds the
 * manual pages against it (test/documents/settings.test.ts).
 */
export const table = {
  ...scanners,
  ...infectedMail,
  ...unscannedMail,
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

/** The same settings by subject, as the manual pages group them. */
export const chapters: readonly Chapter[] = [
  { title: 'Scanners', page: 'onescan-queue', settings: scanners },
  { title: 'Infected mail', page: 'onescan-queue', settings: infectedMail },
  { title: 'Mail that could not be scanned', page: 'onescan-queue', settings: unscannedMail },
  { title: 'ClamAV and attachments', page: 'onescan-queue', settings: clamAv },
  { title: 'Quota', page: 'onescan-queue', settings: quota },
  { title: 'Cluster', page: 'onescan-queue', settings: cluster },
  { title: 'Verdicts about copies', page: 'onescan-queue', settings: verdicts },
  { title: 'Answers and log', page: 'onescan-queue', settings: answersAndLog },
  { title: 'Directories and programs', page: 'onescan-queue', settings: places },
  { title: 'Who sends', page: 'onescan-queue', settings: whoSends },
  { title: 'The thin client', page: 'onescanc', settings: thinClient },
  { title: 'The quota service', page: 'onescan-quotad', settings: quotaService },
  { title: 'A directory of users', page: 'onescan-quotad', settings: quotaDirectory },
]

export interface Chapter {
  readonly title: string
  /** The manual page that explains these settings. */
  readonly page: 'onescan-queue' | 'onescanc' | 'onescan-quotad'
  readonly settings: Readonly<Record<string, Setting>>
}

export type SettingName = keyof typeof table

export const names = Object.keys(table) as readonly SettingName[]

export function isSetting(name: string): name is SettingName {
  return Object.hasOwn(table, name)
}
