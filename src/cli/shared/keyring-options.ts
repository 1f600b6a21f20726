import { resolve } from 'node:path'
import type { Argv } from 'yargs'
import { type ClusterPolicy, readClusterPolicy } from '../../cluster/cluster-policy.ts'
import { readPlace } from '../../judge/policy.ts'
import { Fault } from '../../runtime/fault.ts'
import type { Environment } from '../../settings/settings.ts'

/** For the commands on stamps: which keyring. */
export function addKeyringOption<Options>(
  yargs: Argv<Options>,
): Argv<Options & { keyring: string | undefined }> {
  return yargs.option('keyring', {
    type: 'string',
    requiresArg: true,
    describe: 'Keyring file [default: CLUSTERKEYS, else control/clusterkeys]',
  })
}

/** The cluster as the slot would see it; a Fault where there is none, or none that can be used. */
export function readCluster(env: Environment, keyring: string | undefined): ClusterPolicy {
  const named = keyring === undefined ? env : { ...env, CLUSTERKEYS: resolve(keyring) }
  const { control } = readPlace(named)
  const { policy, off } = readClusterPolicy(named, control)
  if (policy !== undefined) return policy
  throw new Fault('config', off ?? `no keyring at ${control}/clusterkeys; name one with --keyring`)
}
