import { errorText } from '../../../ground/errors/fault.ts'
import { NOTHING_SCANS, readScanningPolicy, switchedOff } from '../../../judge/policy.ts'
import { type Trial, tryScanners } from '../../../observe/live/trial.ts'
import type { Configuration } from '../../shared/configuration.ts'
import type { PlacedDoor } from '../options/door-kind.ts'
import type { DaemonOptions } from '../options/options.ts'
import { spoolFaults } from './spool-faults.ts'
import { makeTrialMail } from './trial-mail.ts'
import type { TrialMark } from './trial-mark.ts'
import { tryDoor } from './try-door.ts'

/** The most milliseconds for a message: a question about health does not wait for SCANTIMEOUT. */
const PATIENCE = 10_000

export interface TryAllOptions {
  readonly configuration: Configuration
  readonly doors: readonly PlacedDoor[]
  readonly options: Pick<DaemonOptions, 'maxSize' | 'memory'>
  readonly mark: TrialMark
}

/**
 * Tries whether mail is scanned. It sends a clean message and EICAR through each open door, looks
 * for room for messages, and reads the settings again, as the next start would. Never rejects.
 */
export async function tryAll({
  configuration,
  doors,
  options,
  mark,
}: TryAllOptions): Promise<Trial> {
  const { env, directories, policy, scannersFor } = configuration
  const off = switchedOff(directories)
  const nothing = off ?? (policy === undefined ? NOTHING_SCANS : undefined)
  if (nothing !== undefined || policy === undefined) {
    return { right: false, why: `nothing is scanned: ${nothing}`, at: Date.now(), doors: [] }
  }
  const { scan, spool } = policy
  const timeout = Math.min(scan.timeout, PATIENCE)
  const mail = makeTrialMail(Date.now(), {
    least: scan.minSize,
    most: Math.min(scan.maxSize, scan.clam.maxSize, options.maxSize, options.memory / 4),
  })
  const how = { mail, sender: mark.sender, qhpsi: env.QHPSI ?? '', timeout }
  const tried = await Promise.all(doors.map((door) => tryDoor(door, how)))
  // If no door takes a trial, the scanners are tried without a door.
  const scanned = tried.some(({ hasScanned, fault }) => hasScanned || fault !== undefined)
    ? undefined
    : await tryScanners({ policy, scanners: scannersFor(scan.line) }, mail, configuration.tools)
  const faults = [
    ...tried.flatMap(({ fault }) => fault ?? []),
    ...(scanned === undefined ? [] : [scanned]),
    ...spoolFaults(spool, options.maxSize),
    ...settingsFaults(env),
  ]
  return {
    right: faults.length === 0,
    why: faults.length === 0 ? 'a clean message is clean, EICAR is found' : faults.join('; '),
    at: Date.now(),
    doors: tried.map(({ kind, address, fault }) => ({ kind, address, right: fault === undefined })),
  }
}

/**
 * Reads the settings and the files that they name. Without a keyring, for example, the cold program
 * defers all mail although this process still has what it read before.
 */
function settingsFaults(env: Configuration['env']): string[] {
  try {
    readScanningPolicy(env)
    return []
  } catch (error) {
    return [`${errorText(error)}; running processes have what was read before`]
  }
}
