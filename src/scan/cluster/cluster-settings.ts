import { join } from 'node:path'
import { type Environment, readSettings, type Values } from '../../ground/settings/settings.ts'
import { cluster } from '../../ground/settings/table.ts'
import { type Key, loadKeyring } from './keyring.ts'

/** The clusters to which this host belongs: their keys, and the settings of onescan-queue(8) by their names. */
export interface ClusterSettings extends Values<typeof cluster> {
  /** The keys in the order of the file: the first current one signs, all current ones verify. */
  readonly keys: readonly Key[]
}

/**
 * Reads the keyring and its settings. `off` is a line for the log if this uid may not read the keyring.
 * Throws a Fault of kind `config`.
 */
export function readClusterSettings(
  env: Environment,
  control: string,
): { readonly cluster: ClusterSettings | undefined; readonly off: string | undefined } {
  const path = env.CLUSTERKEYS || join(control, 'clusterkeys')
  const ring = loadKeyring({ path, named: Boolean(env.CLUSTERKEYS) })
  if ('off' in ring) return { cluster: undefined, off: ring.why }
  return { cluster: { ...readSettings(env, cluster), keys: ring.keys }, off: undefined }
}
