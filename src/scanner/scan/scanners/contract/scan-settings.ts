import { join } from 'node:path'
import { Fault } from '../../../../base/errors/fault.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import { scannerEnvironment } from '../../../../base/settings/child-environment.ts'
import type { ControlDirectories } from '../../../../base/settings/control-directories.ts'
import { readSetting, readSettings, type Values } from '../../../../base/settings/read-settings.ts'
import { attachments, type BannedBy } from '../../../../base/settings/table/banned-attachments.ts'
import { clamAv } from '../../../../base/settings/table/clamav.ts'
import { findings, PROPERTIES } from '../../../../base/settings/table/findings.ts'
import { type QhpsiLine, scanners } from '../../../../base/settings/table/scanners.ts'
import { unscannedMail } from '../../../../base/settings/table/unscanned-mail.ts'
import { isSearchedFor } from '../findings/properties.ts'

const scanning = { ...scanners, ...unscannedMail, ...findings, ...clamAv, ...attachments }

/**
 * Everything about scanners: the settings of onescan-settings(5) by their names, with the defaults that
 * depend on others.
 */
export interface ScanSettings extends Values<typeof scanning> {
  /** With the plugin attachments, if BADATTACHMENTS has names. */
  readonly QHPSI: QhpsiLine
  /** Whether UNREAD is set. By default a client of clamd's protocol gets OK for a file that was not read to its end. */
  readonly isUnreadSet: boolean
  /** An absolute directory. */
  readonly PLUGINDIR: string
  readonly BADATTACHMENTS: BannedBy
  /**
   * Set with ARCHIVEBANS: the fingerprint of the names that clamd is to ban inside archives. readMailSettings()
   * sets it, which reads the rules.
   */
  readonly archiveBans?: string
  /** Milliseconds for all scanners of one message together: SCANTIMEOUT, or what is left of it. */
  readonly timeout: number
  /** The environment of scanners that are programs. */
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Reads QHPSI and the settings of scanners. Undefined if QHPSI names none. Throws Faults of kind
 * `config`.
 */
export function readScanSettings(
  env: Environment,
  { qmailHome, control }: ControlDirectories,
): ScanSettings | undefined {
  const line = readSetting(env, 'QHPSI')
  if (line === undefined) return undefined
  const settings = readSettings(env, scanning)
  refuseContradictions(settings)
  const { QHPSIMAXSIZE, PLUGINDIR, BADATTACHMENTS } = settings
  return {
    ...settings,
    isUnreadSet: env.UNREAD !== undefined,
    QHPSI: BADATTACHMENTS && 'names' in BADATTACHMENTS ? withAttachments(line) : line,
    QHPSIMAXSIZE: QHPSIMAXSIZE || Number.MAX_SAFE_INTEGER,
    PLUGINDIR: PLUGINDIR.startsWith('/') ? PLUGINDIR : join(qmailHome, PLUGINDIR),
    BADATTACHMENTS: readBannedBy(env, control),
    timeout: settings.SCANTIMEOUT * 1000,
    environment: scannerEnvironment(env),
  }
}

/** Throws a Fault if all mail would be too small or too large, or if infected mail would count as clean. */
function refuseContradictions(settings: Values<typeof scanning>): void {
  const { QHPSIMINSIZE, QHPSIMAXSIZE, QHPSIRC, QHPSIRN } = settings
  if (QHPSIMAXSIZE > 0 && QHPSIMINSIZE > QHPSIMAXSIZE) {
    const sizes = `QHPSIMINSIZE ${QHPSIMINSIZE}: is larger than QHPSIMAXSIZE ${QHPSIMAXSIZE}`
    throw new Fault('config', `${sizes}, so that nothing is scanned; correct one of them`)
  }
  if (QHPSIRC === QHPSIRN) {
    const codes = `QHPSIRC ${QHPSIRC}: is also QHPSIRN, and would mean infected and clean`
    throw new Fault('config', `${codes}; set another code`)
  }
}

/** Reads which attachments are banned: by BADATTACHMENTS, or by the file in qmail's control directory. */
export function readBannedBy(env: Environment, control: string): BannedBy {
  return readSetting(env, 'BADATTACHMENTS') ?? { file: join(control, 'badattachments') }
}

/**
 * Returns the properties that this host searches for in addition to viruses, as words for a stamp and for
 * cached verdicts. Another host may have reported a message as clean because it did not search for them. No
 * word is a scanner's name (scannerName() escapes `~`).
 */
export function additionalSearches({ archiveBans, FINDINGS }: ScanSettings): readonly string[] {
  const words = PROPERTIES.filter((property) => isSearchedFor(property, FINDINGS)).map(
    (property) => `~${property}`,
  )
  return archiveBans === undefined ? words : [...words, `~bans-${archiveBans}`]
}

/** Adds the plugin attachments to QHPSI: names in BADATTACHMENTS are useless without it. */
function withAttachments(line: QhpsiLine): QhpsiLine {
  if (line.kind === 'command') {
    const text = 'BADATTACHMENTS: cannot be used while QHPSI is a command'
    throw new Fault('config', `${text}; set QHPSI="plugin: attachments clamd"`)
  }
  const { names } = line
  return names.includes('attachments') ? line : { ...line, names: ['attachments', ...names] }
}
