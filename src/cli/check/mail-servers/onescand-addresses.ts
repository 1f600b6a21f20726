import { existsSync } from 'node:fs'
import { readDefaults } from '../../shared/defaults-file.ts'
import { optionValues } from '../../shared/running-daemon.ts'

/** Where the command line of onescand is found. */
export interface OnescandSources {
  /** The package's file with ONESCAND_OPTIONS="…". */
  readonly defaults: string
  /** The options of the onescand that runs, if one does. */
  readonly running: readonly string[]
}

/** Addresses in the form of `--milter` and `--policy`: `inet:127.0.0.1:8890`. */
export interface OnescandAddresses {
  readonly milters: readonly string[]
  readonly policies: readonly string[]
  /** The addresses of --smtp and --lmtp. */
  readonly relays: readonly string[]
}

/** The sockets of the package's units: if systemd runs, it listens there for onescand. */
const MILTER_SOCKETS = [
  'unix:/var/spool/postfix/onescan/milter.sock',
  'unix:/run/onescan/milter.sock',
]

/**
 * The addresses at which a milter of onescand can be named: those of its settings, then those of the
 * onescand that runs, then the package's sockets that are there.
 */
export function milterPlaces(sources: OnescandSources): string[] {
  const isThere = (address: string) => existsSync(address.replace('unix:', ''))
  return [...addressesOf('--milter', sources), ...MILTER_SOCKETS.filter(isThere)]
}

const POLICY_SOCKETS = ['unix:/var/spool/postfix/onescan/policy.sock']

/**
 * Returns where onescand listens, by its settings, by the package's units and by the onescand that
 * runs.
 */
export function onescandAddresses(sources: OnescandSources): OnescandAddresses {
  return {
    milters: [...addressesOf('--milter', sources), ...MILTER_SOCKETS],
    policies: [...addressesOf('--policy', sources), ...POLICY_SOCKETS],
    relays: [...addressesOf('--smtp', sources), ...addressesOf('--lmtp', sources)],
  }
}

function addressesOf(option: string, { defaults, running }: OnescandSources): string[] {
  const commandLines = [wordsIn(defaults), running]
  return [...new Set(commandLines.flatMap((words) => optionValues(words, option)))]
}

function wordsIn(defaults: string): readonly string[] {
  try {
    return readDefaults(defaults).words
  } catch {
    return [] // the package is not installed, or only root may read its file
  }
}
