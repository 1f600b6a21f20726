import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorCode, errorTextAt, Fault } from '../../base/errors/fault.ts'
import type { Environment } from '../../base/process/environment.ts'
import { readControlDirectories } from '../../base/settings/control-directories.ts'
import { type ClusterSettings, keyringPath, readClusterSettings } from '../scan/stamps/keyring.ts'
import { DEFAULTS, settingsOfOnescand } from './settings-of-onescand.ts'

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
