import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type ClusterPolicy, readClusterPolicy } from '../cluster/cluster-policy.ts'
import { Fault } from '../ground/errors/fault.ts'
import { readSetting } from '../ground/settings/read.ts'
import type { Environment } from '../ground/settings/settings.ts'
import { table } from '../ground/settings/table.ts'
import { readSpoolPolicy, type SpoolPolicy } from '../message/spool-policy.ts'
import { type QuarantinePolicy, readQuarantinePolicy } from '../quarantine/quarantine-policy.ts'
import { type QuotaSettings, readQuotaSettings } from '../quota/ask/quota-settings.ts'
import {
  type InfectedPolicy,
  readInfectedPolicy,
  readScanSettings,
  readUnscannedPolicy,
  type ScanSettings,
  type UnscannedPolicy,
} from '../scan/shared/scan-settings.ts'
import { type RefusalText, readRefusalText } from './refusal-text.ts'

/**
 * All settings that decide about a message, as one value that is read once from the environment and
 * the control files. Nothing in the judgement reads either.
 */
export interface Policy {
  readonly spool: SpoolPolicy
  readonly settings: ScanSettings
  readonly cluster: ClusterPolicy | undefined
  readonly infected: InfectedPolicy
  readonly unscanned: UnscannedPolicy
  /** Set if REFUSALTEXT is. */
  readonly refusalText?: RefusalText | undefined
  /** Set if QUARANTINE is. */
  readonly quarantine: QuarantinePolicy | undefined
  /** Set if QUOTAD is. */
  readonly quota?: QuotaSettings | undefined
  /**
   * Returns the line of the exception that lets the message pass although this was found, or
   * undefined.
   */
  readonly allowedBy?: ((found: string) => number | undefined) | undefined
  /** One line for the log about settings that cannot be used, or ''. */
  readonly remark: string
}

/** Nothing is scanned. With `quota`, mail is still deferred if all recipients are over quota. */
export interface ScanningOff {
  /** The reason, for the log. */
  readonly off: string
  readonly quota?: QuotaSettings | undefined
}

/** The directories of qmail and of its control files. */
export interface ControlDirectories {
  readonly qmailHome: string
  readonly control: string
}

/** The reason for the log if QHPSI is not set. */
export const NOTHING_SCANS = 'QHPSI is not set'

export const DEFAULT_QMAIL_HOME: string = table.QMAILHOME.default

/** Reads QMAILHOME and CONTROLDIR, which lies below it or is absolute (IndiMail's form). */
export function readControlDirectories(env: Environment): ControlDirectories {
  const qmailHome = readSetting(env, 'QMAILHOME')
  const control = readSetting(env, 'CONTROLDIR')
  return { qmailHome, control: control.startsWith('/') ? control : join(qmailHome, control) }
}

const SWITCH = 'onescan.off'

/** The directory of onescan's own files on this host, which belongs to no qmail. */
export const HOST_DIRECTORY = '/etc/onescan'

/** Names the file whose presence turns the doors of this control directory into a pass-through. */
export function switchFile(directories: Pick<ControlDirectories, 'control'>): string {
  return join(directories.control, SWITCH)
}

/** The file whose presence does so for every door of the host. */
export const hostSwitchFile: string = join(HOST_DIRECTORY, SWITCH)

/**
 * Reads the policy for the next message. Scanning is off if QHPSI is unset, or if a switch file is
 * there. Throws a Fault of kind `config`.
 */
export function readPolicy(env: Environment): Policy | ScanningOff {
  const off = switchedOff(readControlDirectories(env))
  if (off !== undefined) return { off }
  return readScanningPolicy(env) ?? { off: NOTHING_SCANS, quota: readQuotaSettings(env) }
}

/** Returns a reason for the log if one of the switch files exists, or undefined. */
export function switchedOff(directories: ControlDirectories): string | undefined {
  const file = [switchFile(directories), hostSwitchFile].find((path) => existsSync(path))
  return file === undefined ? undefined : `${file} is there`
}

/**
 * Reads the policy, whether or not a switch file is there. Returns undefined if QHPSI is unset. Throws
 * a Fault of kind `config`.
 */
export function readScanningPolicy(env: Environment): Policy | undefined {
  const directories = readControlDirectories(env)
  const settings = readScanSettings(env, directories)
  if (settings === undefined) return undefined
  const cluster = readClusterPolicy(env, directories.control)
  const spool = readSpoolPolicy(env)
  return Object.freeze({
    spool,
    settings,
    cluster: cluster.policy,
    ...readTreatment(env, settings),
    quota: readQuotaSettings(env),
    remark: [cluster.off, spool.remark].filter((remark) => remark !== undefined).join('; '),
  })
}

/** Reads what becomes of mail once the scanners have answered. Throws a Fault of kind `config`. */
export function readTreatment(
  env: Environment,
  { OVERNESTING, ENCRYPTED, STRICTMIME }: ScanSettings,
): Pick<Policy, 'infected' | 'unscanned' | 'quarantine' | 'refusalText'> {
  const unscanned = readUnscannedPolicy(env)
  const quarantine = readQuarantinePolicy(env)
  const treatments = {
    SCANFAIL: unscanned.others,
    SCANFAIL_RELAY: unscanned.relayClients,
    OVERNESTING,
    ENCRYPTED,
    STRICTMIME,
  }
  for (const [name, treatment] of Object.entries(treatments)) {
    if (treatment !== 'quarantine' || quarantine !== undefined) continue
    throw new Fault('config', `${name} quarantine: there is none; set QUARANTINE to a directory`)
  }
  const refusalText = readRefusalText(env)
  return { infected: readInfectedPolicy(env), unscanned, quarantine, refusalText }
}

/**
 * Returns the policy with the settings of a line of onescan.policy in place of those of `env`. Throws
 * a Fault of kind `config`.
 */
export function withSettings(
  base: Policy,
  env: Environment,
  settings: Readonly<Record<string, string>>,
): Policy {
  const merged = { ...env, ...settings }
  const treatsInfected = ['REJECTVIRUS', 'VIRUSTAGONLY', 'VIRUSFORWARD'].some(
    (name) => name in settings,
  )
  const own = readScanSettings(merged, readControlDirectories(env))
  if (own === undefined) throw new Fault('config', 'QHPSI: is empty; say scan off')
  const treatment = readTreatment(merged, own)
  const infected = treatsInfected ? treatment.infected : base.infected
  return { ...base, settings: own, ...treatment, infected }
}
