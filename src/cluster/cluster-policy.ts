import { join } from 'node:path'
import { readNumber, readText, readWord } from '../ground/settings/read.ts'
import type { Environment } from '../ground/settings/settings.ts'
import { type Key, loadKeyring } from './keyring.ts'

export interface ClusterPolicy {
  /** In the file's order: the first one that is current signs, all current ones verify. */
  readonly keys: readonly Key[]
  /** Seconds after which an hmac-sha256 stamp vouches for nothing. */
  readonly maxAge: number
  /** Whether only connections that CLUSTERPEER marks are trusted. */
  readonly peersOnly: boolean
  /** Directory of the local signature database: mail that was stamped before its last change is scanned. */
  readonly signatureDirectory: string
}

/**
 * Reads the keyring and its settings. `off` is a line for the log if a keyring
 * is there that cannot be used by this uid. Faults are of kind `config`.
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
    maxAge: readNumber(env, 'CLUSTERMAXAGE'),
    peersOnly: readWord(env, 'CLUSTERPEERS') === 'required',
    signatureDirectory: readText(env, 'CLAMDBDIR'),
  }
  return { policy, off: undefined }
}
