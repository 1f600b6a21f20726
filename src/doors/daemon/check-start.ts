import { existsSync } from 'node:fs'
import { extname } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { errorText } from '../../ground/errors/fault.ts'
import type { StartReport } from '../../ground/process/start-report.ts'
import { faultLines, gatherFaults } from '../../ground/settings/faults.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { NOTHING_SCANS } from '../../judge/policy.ts'
import { checkAccessBy } from '../http/access.ts'
import { type Configuration, readConfiguration } from '../shared/configuration.ts'
import { configurationFaults, configurationWarnings } from '../shared/configuration-faults.ts'
import { describeDoor } from './describe-door.ts'
import { checkAddress } from './listening/listen.ts'
import type { DoorAddress } from './options/door-address.ts'
import type { PlacedDoor } from './options/door-kind.ts'
import { type DaemonOptions, readOptions } from './options/options.ts'
import { judgeFromMemory } from './trials/judge-trial.ts'
import { makeTrialMail } from './trials/trial-mail.ts'

/**
 * Does what onescand does at its start, up to the first connection, without listening. Resolves
 * with all that is wrong with these options and settings: onescand(8), --check.
 */
export async function checkStart(words: readonly string[], env: Environment): Promise<StartReport> {
  const faults = gatherFaults()
  const options = faults.attempt(() => readOptions(words), undefined)
  const ofPlaces = options === undefined ? [] : await placeFaults(options)
  const isUsage = options === undefined
  const ofSettings = await configurationFaults(env)
  const errors = [...faults.lines, ...ofPlaces, ...ofSettings]
  const ofPage = options ? await pageFaults(options) : []
  const warnings = [...configurationWarnings(env), ...ofPage]
  if (ofSettings.length > 0 || options === undefined)
    return { isUsage, errors, warnings, actions: [] }
  const configuration = await readConfiguration(env, () => {})
  try {
    return {
      isUsage,
      errors,
      warnings: [...warnings, ...remarks(configuration), ...(await pluginFaults(configuration))],
      actions: doorsOf(options).map((door) => describeDoor(door, configuration)),
    }
  } finally {
    configuration.close()
  }
}

/** The doors that the options name. Sockets of systemd are not known here. */
function doorsOf({ socket, milters, policies, relays }: DaemonOptions): PlacedDoor[] {
  const at = (kind: PlacedDoor['kind']) => (address: DoorAddress) => {
    return {
      kind,
      address:
        address.kind === 'unix' ? `unix:${address.path}` : `inet:${address.host}:${address.port}`,
    }
  }
  return [
    ...(socket === undefined ? [] : [at('slot')({ kind: 'unix', path: socket })]),
    ...milters.map(at('milter')),
    ...policies.map(at('policy')),
    ...relays.map((relay) => ({ ...at(relay.lmtp ? 'lmtp' : 'smtp')(relay.address), relay })),
  ]
}

async function placeFaults(options: DaemonOptions): Promise<string[]> {
  const { socket, milters, policies, relays } = options
  const named: readonly (readonly [string, DoorAddress])[] = [
    ...(socket === undefined ? [] : [['--socket', { kind: 'unix', path: socket }] as const]),
    ...milters.map((address) => ['--milter', address] as const),
    ...policies.map((address) => ['--policy', address] as const),
    ...relays.map(({ lmtp, address }) => [lmtp ? '--lmtp' : '--smtp', address] as const),
  ]
  const faults: string[] = []
  for (const [option, address] of named) {
    if (isInUse(address, options)) continue
    await checkAddress(address, { ...options, option }).catch((error) => {
      faults.push(errorText(error))
    })
  }
  return faults
}

/** Whether the onescand that a start would follow listens there, and so will free the address. */
function isInUse(address: DoorAddress, { inUse }: Pick<DaemonOptions, 'inUse'>): boolean {
  return inUse.some((other) => isDeepStrictEqual(other, address))
}

/**
 * What is wrong with --http. These are warnings: onescand starts without the page, and tries again.
 */
async function pageFaults({ http, httpToken, ...options }: DaemonOptions): Promise<string[]> {
  if (http === undefined || isInUse(http, options)) return []
  try {
    checkAccessBy(http.kind === 'tcp' ? http.host : undefined, httpToken)
    await checkAddress(http, { ...options, option: '--http' })
    return []
  } catch (error) {
    const there = faultLines(error)
    return there.map((line) => `${line}; there is no page until then${bySystemd(line)}`)
  }
}

/** Nothing says which process holds a port. If systemd runs, it may hold the port for onescand. */
const bySystemd = (line: string) =>
  line.includes('EADDRINUSE') && existsSync('/run/systemd/system')
    ? ', unless onescan-http.socket holds the port for it'
    : ''

function remarks({ policy }: Configuration): string[] {
  if (policy === undefined)
    return [`${NOTHING_SCANS}: all mail passes unscanned; set it, as in QHPSI="plugin: clamd"`]
  return policy.remark === '' ? [] : [policy.remark]
}

/**
 * What is wrong with file plugins. They are loaded by the first mail; if one cannot be, all mail is
 * deferred.
 */
async function pluginFaults(configuration: Configuration): Promise<string[]> {
  const { policy, scannersFor } = configuration
  if (policy?.scan.line.kind !== 'plugins') return []
  const plugins = scannersFor(policy.scan.line).filter(({ name }) => extname(name) !== '')
  const { clean } = makeTrialMail(Date.now(), { least: 0, most: 1000 })
  const faults: string[] = []
  for (const scanner of plugins) {
    const alone = { ...configuration, scannersFor: () => [scanner] }
    const why = await judgeFromMemory(clean, alone).then(
      (found) => (found.scan === 'unknown' ? found.why : undefined),
      errorText,
    )
    if (why !== undefined) faults.push(`${why}: all mail is deferred; correct the plugin`)
  }
  return faults
}
