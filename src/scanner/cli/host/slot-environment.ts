import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Argv } from 'yargs'
import { errorCode, errorTextAt, Fault } from '../../../base/errors/fault.ts'
import { readOwnFile } from '../../../base/path/open.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readControlDirectories } from '../../../base/settings/control-directories.ts'
import { misspeltSettings } from '../../../base/settings/misspelt.ts'
import { DEFAULTS } from '../../readiness/host/checked-host.ts'
import {
  type ClusterSettings,
  keyringPath,
  readClusterSettings,
} from '../../scan/stamps/keyring.ts'
import { textOption, textOptions } from '../command/cli-options.ts'
import { settingsOfOnescand } from './settings-file.ts'

/** Upper limit for the variables of a directory. */
const NAMES_MAX = 1000

/** The options that add to the slot's environment. */
export interface EnvironmentOptions {
  readonly env: readonly string[]
  readonly envdir: string | undefined
}

export function addEnvironmentOptions<Options>(yargs: Argv<Options>) {
  return yargs
    .option(
      'env',
      textOptions('A setting, as KEY=VALUE; may be repeated', { default: [] as string[] }),
    )
    .option('envdir', textOption('Directory of variables, as envdir(8) reads it'))
}

/**
 * Returns the variables of `base`, of the directory and of the single options. Later ones override earlier
 * ones.
 */
export function slotEnvironment(base: Environment, options: EnvironmentOptions): Environment {
  return {
    ...base,
    ...(options.envdir === undefined ? {} : readEnvdir(options.envdir)),
    ...assignments(options.env),
  }
}

/**
 * Reads the variables of a directory by the rules of envdir(8): the first line of each file, without trailing
 * blanks, with NUL for a line end. An empty file unsets its variable. Throws a Fault of kind `config` if the
 * directory cannot be read.
 */
function readEnvdir(directory: string): Record<string, string | undefined> {
  const variables: Record<string, string | undefined> = {}
  try {
    const names = readdirSync(directory).filter((name) => !/^\.|=/.test(name))
    if (names.length > NAMES_MAX) throw new Error(`has more than ${NAMES_MAX} files`)
    for (const name of names) {
      const content = readOwnFile(join(directory, name)).toString('utf8')
      const [line = ''] = content.split('\n')
      variables[name] =
        content === '' ? undefined : line.replace(/[ \t]+$/, '').replaceAll('\0', '\n')
    }
  } catch (error) {
    throw new Fault('config', `--envdir ${directory}: ${errorTextAt(directory, error)}`, error)
  }
  return variables
}

/** Parses words `KEY=VALUE`. Throws a Fault of kind `config` for anything else, and for a misspelt setting. */
function assignments(words: readonly string[]): Record<string, string> {
  const variables = Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      if (at < 1) throw new Fault('config', `--env ${word}: must be KEY=VALUE`)
      return [word.slice(0, at), word.slice(at + 1)]
    }),
  )
  const [misspelt] = misspeltSettings(variables)
  if (misspelt) throw new Fault('config', `--env: ${misspelt.value}; ${misspelt.remedy}`)
  return variables
}

/**
 * Reads the cluster as the slot would, by the keyring that is found, or that the option --keyring
 * names. Throws a Fault if there is not a keyring, or if it cannot be used.
 */
export function readCluster(
  env: Environment,
  option?: { readonly keyring: string | undefined },
): ClusterSettings {
  const named = option?.keyring
  if (named !== undefined) mustBeThere(named)
  const path = named === undefined ? ringHere(env) : resolve(named)
  const own = path === undefined ? env : { ...env, CLUSTERKEYS: path }
  const { control } = readControlDirectories(own)
  const { cluster, off } = readClusterSettings(own, control)
  if (cluster !== undefined) return cluster
  const missing = `no keyring at ${keyringPath(own, control)}`
  const reason = off ?? `${missing}, and no CLUSTERKEYS in ${DEFAULTS}`
  throw new Fault('config', option === undefined ? reason : `${reason}; specify one with --keyring`)
}

function mustBeThere(keyring: string): void {
  try {
    statSync(keyring)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') return // its reader reports the error
    const what = `--keyring ${keyring}: ${errorTextAt(keyring, error)}`
    throw new Fault('config', `${what}; specify another, or omit it to use this host's keyring`)
  }
}

/** onescand's own keyring, if neither the environment nor qmail names one, as without qmail. */
function ringHere(env: Environment): string | undefined {
  if (env.CLUSTERKEYS || existsSync(keyringPath(env, readControlDirectories(env).control)))
    return undefined
  return settingsOfOnescand().CLUSTERKEYS || undefined
}
