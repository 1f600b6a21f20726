import { Fault } from '../../../../base/errors/fault.ts'
import type { Environment } from '../../../../base/process/environment.ts'
import {
  type ControlDirectories,
  readControlDirectories,
} from '../../../../base/settings/control-directories.ts'
import { switchedOff } from '../../../../base/settings/off-switch.ts'
import { readSettings, type Values } from '../../../../base/settings/read-settings.ts'
import {
  infectedMail,
  type QuarantineTarget,
} from '../../../../base/settings/table/infected-mail.ts'
import { mailSettings } from '../../../../base/settings/table.ts'
import { readSpoolSettings, type SpoolSettings } from '../../../../mail/message/spool.ts'
import { type QuotaSettings, readQuotaSettings } from '../../quota/quota-settings.ts'
import { readAttachmentRules } from '../../scanners/attachments/attachment-rules.ts'
import { listFingerprint } from '../../scanners/attachments/ban-names.ts'
import { readScanSettings, type ScanSettings } from '../../scanners/contract/scan-settings.ts'
import type { ClientContent } from '../../scanners/run/submission.ts'
import { type ClusterSettings, readClusterSettings } from '../../stamps/keyring.ts'

/** The settings for the scan of a message and for the decision after it, named as in onescan-settings(5). */
export interface MailSettings extends ScanSettings, Values<typeof infectedMail> {}

/**
 * All settings that decide about a message, as one value that is read once from the environment and
 * the control files. Nothing in the judgement reads either.
 */
export interface JudgeConfig {
  readonly spool: SpoolSettings
  readonly settings: MailSettings
  readonly cluster: ClusterSettings | undefined
  /** Set if QUOTAD is. */
  readonly quota?: QuotaSettings | undefined
  /**
   * Returns the line of the exception that lets the message pass although this was found, or
   * undefined.
   */
  readonly allowedBy?: ((found: string) => number | undefined) | undefined
  /**
   * The kind of content that clients only request a result for, by settings for that (configurationForClients).
   * No header is edited, and no stamp is made. submissionOf() decides how each content is scanned.
   */
  readonly resultOnlyFor?: ClientContent
  /** Remarks for the log, one line each, such as a setting that cannot be used. */
  readonly remarks: readonly string[]
}

/** Nothing is scanned. With `quota`, mail is still deferred if all recipients are over quota. */
interface ScanningOff {
  /** The reason, for the log. */
  readonly off: string
  readonly quota?: QuotaSettings | undefined
}

/** The reason for the log if QHPSI is not set, or `none`. */
export const NOTHING_SCANS = 'QHPSI names no scanner'

/**
 * Reads the configuration for the next message. Scanning is off if QHPSI names no scanner, or if a switch file is
 * there. Throws a Fault of kind `config`.
 */
export function readJudgeConfig(env: Environment): JudgeConfig | ScanningOff {
  const off = switchedOff(readControlDirectories(env))
  if (off !== undefined) return { off }
  return readScanningConfig(env) ?? { off: NOTHING_SCANS, quota: readQuotaSettings(env) }
}

/**
 * Reads the configuration, whether or not a switch file is there. Returns undefined if QHPSI names none. Throws
 * a Fault of kind `config`.
 */
export function readScanningConfig(env: Environment): JudgeConfig | undefined {
  const directories = readControlDirectories(env)
  const settings = readMailSettings(env, directories)
  if (settings === undefined) return undefined
  const { cluster, off } = readClusterSettings(env, directories.control)
  const spool = readSpoolSettings(env)
  return Object.freeze({
    spool,
    settings,
    cluster,
    quota: readQuotaSettings(env),
    remarks: [off, spool.remark].filter((remark) => remark !== undefined),
  })
}

/**
 * Reads the settings, as readScanSettings() does. Also throws a Fault if one requires a quarantine and there
 * is none.
 */
export function readMailSettings(
  env: Environment,
  directories: ControlDirectories,
): MailSettings | undefined {
  const scan = readScanSettings(env, directories)
  if (scan === undefined) return undefined
  const settings = { ...scan, ...readSettings(env, infectedMail) }
  refuseMissingQuarantine(settings)
  const { ARCHIVEBANS, BADATTACHMENTS } = settings
  if (ARCHIVEBANS === 'off') return settings
  return { ...settings, archiveBans: listFingerprint(readAttachmentRules(BADATTACHMENTS).names) }
}

/** The settings that may be `quarantine`, by the table. */
const mayBeQuarantine = Object.entries(mailSettings).flatMap(([name, setting]) =>
  setting.kind === 'word' && setting.words.some((word) => word === 'quarantine') ? [name] : [],
)

/** Returns a setting that keeps mail in the quarantine, as it is written, or undefined if there is none. */
export function settingThatQuarantines(settings: Values<typeof mailSettings>): string | undefined {
  const rule = settings.FINDINGS.find(({ action }) => action === 'quarantine')
  if (rule !== undefined) {
    const { finding } = rule
    return `FINDINGS="${typeof finding === 'string' ? finding : finding.pattern}=quarantine"`
  }
  const values: Readonly<Record<string, unknown>> = { ...settings }
  const name = mayBeQuarantine.find((setting) => values[setting] === 'quarantine')
  return name && `${name}="quarantine"`
}

/** Throws a Fault if a setting keeps mail in the quarantine and QUARANTINE is not set. */
function refuseMissingQuarantine(settings: MailSettings): void {
  const asking = settings.QUARANTINE === undefined ? settingThatQuarantines(settings) : undefined
  if (asking === undefined) return
  throw new Fault(
    'config',
    `${asking}: QUARANTINE is not set; set it to a directory, or choose another action`,
  )
}

/** Returns the quarantine that a setting requires. readMailSettings() has ensured that there is one. */
export function requiredQuarantine({ QUARANTINE }: MailSettings): QuarantineTarget {
  if (QUARANTINE === undefined)
    throw new Fault('config', 'QUARANTINE: is not set; set it to a directory')
  return QUARANTINE
}

/**
 * Returns the configuration with the settings of an onescan.policy line in place of those of `env`. The
 * FINDINGS of the line come before those of `env`, which still apply to everything that the line does not
 * name. Throws a Fault of kind `config`.
 */
export function withSettings(
  base: JudgeConfig,
  env: Environment,
  ofLine: Readonly<Record<string, string>>,
): JudgeConfig {
  const read = readMailSettings({ ...env, ...ofLine }, readControlDirectories(env))
  if (read === undefined) throw new Fault('config', 'QHPSI: names no scanner; use scan off')
  const settings = ofLine.FINDINGS
    ? { ...read, FINDINGS: [...read.FINDINGS, ...base.settings.FINDINGS] }
    : read
  return { ...base, settings }
}
