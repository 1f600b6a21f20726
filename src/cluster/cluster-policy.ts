import { join } from 'node:path'
import { readSetting } from '../ground/settings/read.ts'
import type { Environment } from '../ground/settings/settings.ts'
import { type Key, loadKeyring } from './keyring.ts'

/** The settings of the clusters to which this host belongs. */
export interface ClusterPolicy {
  /** The keys in the order of the file: the first current one signs, all current ones verify. */
  readonly keys: readonly Key[]
  /** Seconds after which an hmac-sha256 stamp does not count. */
  readonly maxAge: number
  /** Whether only connections that CLUSTERPEER marks are trusted. */
  readonly peersOnly: boolean
}

/**
 * Reads the keyring and its settings. `off` is a line for the log if this uid may not read the keyring.
 * Throws a Fault of kind `config`.
 */
export function readClusterPolicy(
  env: Environment,
  control: string,
): { readonly policy: ClusterPolicy | undefined; readonly off: string | undefined } {
  const path = env.CLUSTERKEYS || join(control, 'clusterkeys')
  const ring = loadKeyring({ path, named: Boolean(env.CLUSTERKEYS) })
  if ('off' in ring) return { policy: undefined, off: ring.why }
  const policy = {
    keys: ring.keys,
    maxAge: readSetting(env, 'CLUSTERMAXAGE'),
    peersOnly: readSetting(env, 'CLUSTERPEERS') === 'required',
  }
  return { policy, off: undefined }
}
