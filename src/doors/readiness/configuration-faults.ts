import { errorText } from '../../ground/errors/fault.ts'
import { type Finding, warning } from '../../ground/errors/finding.ts'
import { everyFault, Faults, faultLines, lineEndFaults } from '../../ground/settings/faults.ts'
import { misspeltSettings } from '../../ground/settings/misspelt.ts'
import { type Environment, readSettings } from '../../ground/settings/settings.ts'
import { quarantineLimits, treatment } from '../../ground/settings/table/scanning.ts'
import { names } from '../../ground/settings/table.ts'
import { readSpoolPolicy } from '../../mail/message/spool.ts'
import { readClusterSettings } from '../../scan/cluster/keyring.ts'
import { contradictionsIn } from '../../scan/judge/contradictions.ts'
import { readControlDirectories, readScanningPolicy } from '../../scan/judge/policy.ts'
import { readQuotaSettings } from '../../scan/quota/quota-settings.ts'
import { makeScanners } from '../../scan/scanners/scanners.ts'
import { readScanSettings, type ScanSettings } from '../../scan/scanners/shared/scan-settings.ts'
import { readVerdictSettings } from '../../scan/verdicts/open.ts'
import { readConfiguration } from '../shared/configuration.ts'

/** The readers that readConfiguration() calls one after the other. */
const readers: readonly ((env: Environment) => unknown)[] = [
  (env) => readScanSettings(env, readControlDirectories(env)),
  (env) => readClusterSettings(env, readControlDirectories(env).control),
  readSpoolPolicy,
  (env) => readSettings(env, treatment),
  readVerdictSettings,
  readQuotaSettings,
  (env) => readSettings(env, quarantineLimits),
  readScanningPolicy, // finds what the readers before it do not
]

/**
 * Resolves with a line for each fault that keeps onescand from starting with these settings: those
 * that the readers find, those of the scanners, and if there are none of them, those of the whole
 * configuration. It neither listens nor scans.
 */
export async function configurationFaults(env: Environment): Promise<string[]> {
  const endings = lineEndFaults(env)
  const whole = endings.length > 0 ? withoutEndings(env) : env
  const found = readers.flatMap((read) => everyFault(whole, read))
  const scan = new Faults().attempt(
    () => readScanSettings(whole, readControlDirectories(whole)),
    undefined,
  )
  const faults = new Set([...endings, ...found, ...(await scannerFaults(scan))])
  if (faults.size === 0) {
    try {
      const configuration = await readConfiguration(whole, () => {})
      configuration.close()
    } catch (error) {
      for (const line of faultLines(error)) faults.add(line)
    }
  }
  return [...faults]
}

function withoutEndings(env: Environment): Environment {
  const plain = names.flatMap((name) => {
    const value = env[name]
    return value === undefined ? [] : [[name, value.replace(/\r$/, '')] as const]
  })
  return { ...env, ...Object.fromEntries(plain) }
}

async function scannerFaults(scan: ScanSettings | undefined): Promise<string[]> {
  const faults: string[] = []
  for (const scanner of scan === undefined ? [] : await makeScanners(scan)) {
    await scanner.prepare?.().catch((error) => faults.push(errorText(error)))
    scanner.close?.()
  }
  return faults
}

/** Warns of each setting that is valid but probably a mistake. */
export function configurationWarnings(env: Environment): Finding[] {
  const contradictions = contradictionsIn(env).map(({ name, value, remedy }) =>
    warning(name, value, remedy),
  )
  return [...misspeltSettings(env), ...contradictions]
}
