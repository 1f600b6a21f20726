import { attempt, Fault } from '../../../base/errors/fault.ts'
import { parseEndpoint, socketPath } from '../../../base/net/endpoint.ts'
import type { DialledEndpoint, DialledServer } from '../../../base/protocol/connection/dial.ts'

/** The address of a store that hosts share, and the user that this process is there. */
export type StoreAddress = SingleAddress | ClusterAddress

/** The address of a store with one primary. */
export type SingleAddress = CommonAddress &
  (
    | { readonly kind: 'server'; readonly server: DialledServer; readonly database: number }
    | {
        readonly kind: 'sentinel'
        readonly servers: readonly DialledEndpoint[]
        /** The name that the sentinels use for the primary. */
        readonly name: string
      }
  )

export interface ClusterAddress extends CommonAddress {
  readonly kind: 'cluster'
  /** Some servers of the cluster, which name the others. */
  readonly servers: readonly DialledEndpoint[]
}

interface CommonAddress {
  /** The address as the log shows it, without a password. */
  readonly text: string
  readonly user: string | undefined
}

/** The address of a store, and what it needs to let this process in. */
export interface StoreAccess<Address extends StoreAddress = StoreAddress> {
  readonly address: Address
  readonly password: string | undefined
  /** The password of the sentinels, which may differ. */
  readonly sentinelPassword: string | undefined
  /**
   * With TLS: the file of authorities, one of which must have signed a server's certificate, or undefined for
   * the system's.
   */
  readonly authorities: string | undefined
}

const PORT = 6379
const SENTINEL_PORT = 26_379
/** Upper limit for the servers of a cluster in its address. */
const SEEDS_MAX = 32

const URL_FORM =
  /^(valkey|redis|valkeys|rediss)(?:\+(sentinel|cluster))?:\/\/(?:([^@/]*)@)?([^@/]+)(?:\/([^/]*))?$/

/**
 * Parses `valkey://[user@]host[:port][/database]`, with `valkeys` for TLS, and `redis` and `rediss` as
 * synonyms of both; `unix:/path`, `valkey+sentinel://host:port,.../name` and `valkey+cluster://host:port,...`.
 * Returns undefined for any other text. Throws a Fault of kind `config` for an address with a password: other users can see the environment.
 */
export function readStoreAddress(text: string): StoreAddress | undefined {
  const path = /^unix:(\/[^\0]*)$/.exec(text)?.[1]
  if (path !== undefined) {
    const server = { path: socketPath(path, 'VERDICTS') }
    return { kind: 'server', server, database: 0, text, user: undefined }
  }
  const [, scheme, kind, user, hosts, rest = ''] = URL_FORM.exec(text) ?? []
  if (scheme === undefined || hosts === undefined) return undefined
  if (user?.includes(':')) {
    const remedy = 'put it into a file, and set VERDICTPASSWORD to its path'
    throw new Fault('config', `VERDICTS ${scheme}://...: contains a password; ${remedy}`)
  }
  const name = user ? attempt(() => decodeURIComponent(user)) : undefined
  if (user && name === undefined) return undefined // %XX that are not UTF-8
  const isSecure = scheme === 'valkeys' || scheme === 'rediss'
  const common = { text, user: name }
  const defaultPort = kind === 'sentinel' ? SENTINEL_PORT : PORT
  const servers = hosts.split(',').map((host) => {
    const endpoint = parseEndpoint(host, { defaultPort })
    return endpoint && { ...endpoint, isSecure }
  })
  if (!servers.every((server) => server !== undefined)) return undefined
  if (kind === 'sentinel') {
    return /^[\w.-]+$/.test(rest) ? { ...common, kind, servers, name: rest } : undefined
  }
  if (kind === 'cluster') {
    return rest === '' && servers.length <= SEEDS_MAX ? { ...common, kind, servers } : undefined
  }
  if (servers.length > 1 || !/^[0-9]{0,4}$/.test(rest)) return undefined
  return { ...common, kind: 'server', server: servers[0]!, database: Number(rest) }
}
