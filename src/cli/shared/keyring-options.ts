import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Argv } from 'yargs'
import { Fault } from '../../ground/errors/fault.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { type ClusterSettings, readClusterSettings } from '../../scan/cluster/keyring.ts'
import { readControlDirectories } from '../../scan/judge/policy.ts'
import { DEFAULTS, readDefaults } from './defaults-file.ts'
import { text } from './options.ts'

/** Adds the option of commands about stamps that names the keyring. */
export function addKeyringOption<Options>(
  yargs: Argv<Options>,
): Argv<Options & { keyring: string | undefined }> {
  return yargs.option(
    'keyring',
    text("Keyring file [default: CLUSTERKEYS, else control/clusterkeys, else onescand's]"),
  )
}

/**
 * Reads the cluster as the slot would, by the keyring that is named or found. Throws a Fault if there
 * is not a keyring, or if it cannot be used.
 */
export function readCluster(env: Environment, keyring: string | undefined): ClusterSettings {
  const path = keyring === undefined ? ringHere(env) : resolve(keyring)
  const named = path === undefined ? env : { ...env, CLUSTERKEYS: path }
  const { control } = readControlDirectories(named)
  const { cluster, off } = readClusterSettings(named, control)
  if (cluster !== undefined) return cluster
  throw new Fault('config', off ?? `no keyring at ${control}/clusterkeys; name one with --keyring`)
}

/** onescand's own keyring, if neither the environment nor qmail names one, as without qmail. */
function ringHere(env: Environment): string | undefined {
  if (env.CLUSTERKEYS || existsSync(join(readControlDirectories(env).control, 'clusterkeys')))
    return undefined
  try {
    return readDefaults(DEFAULTS).env.CLUSTERKEYS || undefined
  } catch {
    return undefined // there is no such file
  }
}
