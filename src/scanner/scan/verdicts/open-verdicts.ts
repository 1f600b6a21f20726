import { hostname } from 'node:os'
import { errorText, Fault } from '../../../base/errors/fault.ts'
import { readSecret } from '../../../base/path/secret-file.ts'
import type { Environment } from '../../../base/process/environment.ts'
import { readSettings, type Values } from '../../../base/settings/read-settings.ts'
import { verdicts } from '../../../base/settings/table/verdict-cache.ts'
import { wrongValue } from '../../../base/text/values.ts'
import {
  readStoreAddress,
  type StoreAccess,
  type StoreAddress,
} from '../../protocol/valkey/store-address.ts'
import type { ClusterSettings, Key } from '../stamps/keyring.ts'
import { deriveSecrets, keyMark, type Secrets, sharedKey } from './copies/secrets.ts'
import type { HostMemory } from './host-memory.ts'
import type { SharedStore, SharedStoreOptions } from './store/shared-store.ts'
import { Verdicts, type VerdictsOptions } from './verdicts.ts'

interface VerdictsContext
  extends Pick<VerdictsOptions, 'crypto' | 'now' | 'signatureFiles' | 'lookForSignatures'> {
  /** Milliseconds on a monotonic clock. */
  readonly uptime: () => number
  /** Takes a line when a shared store fails, and when it answers again. */
  readonly log: (line: string) => void
  /** Time limit of a scan in milliseconds: SCANTIMEOUT. */
  readonly scanTimeout: number
}

/**
 * Opens the verdict cache that the settings select. Resolves to undefined if they select none. Rejects with
 * Faults of kind `config`.
 */
export async function openVerdictsBy(
  settings: VerdictSettings,
  cluster: ClusterSettings | undefined,
  memory: HostMemory,
  { log, scanTimeout, crypto, uptime, ...clocks }: VerdictsContext,
): Promise<Verdicts | undefined> {
  const { VERDICTS: store, VERDICTMAXAGE: maxAge } = settings
  if (store === 'off' || maxAge === 0) return undefined
  let secretNow: () => Buffer = () => UNSHARED
  let shared: SharedStore | undefined
  if (store !== 'memory') {
    secretNow = sharedSecret(store, cluster?.keys ?? [], clocks.now)
    const mark = () => keyMark(secretNow(), crypto)
    shared = await openShared(store, settings, { log, mark, uptime })
  }
  const derived = new Map<Buffer, Secrets>()
  return new Verdicts({
    ...clocks,
    memory,
    shared,
    fullTime: scanTimeout,
    secrets() {
      const secret = secretNow()
      let secrets = derived.get(secret)
      if (secrets === undefined) {
        secrets = deriveSecrets(secret, crypto)
        derived.set(secret, secrets)
      }
      return secrets
    },
    crypto,
    // This host makes no stamp that is older than the cluster accepts.
    maxAgeSeconds: Math.min(maxAge, cluster?.CLUSTERMAXAGE ?? Number.POSITIVE_INFINITY),
    host: hostname(),
  })
}

/** The secret that is used if no other host sees a fingerprint or a verdict. */
const UNSHARED = Buffer.alloc(32)

/**
 * Returns a function that returns the secret of the current shared key. After the last day of that key,
 * without another one, this process uses a random secret, and so shares nothing.
 */
function sharedSecret(store: StoreAddress, keys: readonly Key[], now: () => number): () => Buffer {
  const key = () => sharedKey(keys, now() / 1000)
  if (key() === undefined) throw withoutKey(store)
  const own = Buffer.from(globalThis.crypto.getRandomValues(new Uint8Array(32)))
  return () => key()?.secret ?? own
}

async function openShared(
  address: StoreAddress,
  settings: VerdictSettings,
  more: Pick<SharedStoreOptions, 'log' | 'mark' | 'uptime'>,
): Promise<SharedStore> {
  try {
    // A bundle of its own: without a shared store no client for it is loaded.
    const store = await import('./store/shared-store.ts')
    return new store.SharedStore({
      ...accessOf(address, settings),
      timeout: store.STORE_TIMEOUT,
      ...more,
    })
  } catch (error) {
    throw new Fault('config', `VERDICTS ${address.text}: ${errorText(error)}`, error)
  }
}

function withoutKey({ text }: StoreAddress): Fault {
  const remedy = 'make an hmac-sha256 key with onescan keygen for all hosts (CLUSTERKEYS)'
  return new Fault('config', `VERDICTS ${text}: hosts that share verdicts need a key; ${remedy}`)
}

/** Whether, where and for how long verdicts are cached. onescan-settings(5) describes each setting. */
export interface VerdictSettings extends Omit<Values<typeof verdicts>, 'VERDICTS'> {
  readonly VERDICTS: 'off' | 'memory' | StoreAddress
}

/** Reads VERDICTS and the settings that belong to it. Throws Faults of kind `config`. */
export function readVerdictSettings(env: Environment): VerdictSettings {
  const settings = readSettings(env, verdicts)
  return { ...settings, VERDICTS: readStore(settings.VERDICTS) }
}

function readStore(text: string): VerdictSettings['VERDICTS'] {
  if (text === 'off' || text === 'memory') return text
  const address = readStoreAddress(text)
  if (address !== undefined) return address
  const known = 'memory, off, valkey://HOST:PORT, unix:/PATH or another form of onescan-settings(5)'
  throw wrongValue('VERDICTS', text, known)
}

/** Reads the files with passwords of a store. Throws if one of them cannot be read, or is open to others. */
export function accessOf(
  address: StoreAddress,
  { VERDICTPASSWORD, VERDICTSENTINELPASSWORD, VERDICTCA }: VerdictSettings,
): StoreAccess {
  const read = (file: string | undefined) => (file === undefined ? undefined : readSecret(file))
  return {
    address,
    password: read(VERDICTPASSWORD),
    sentinelPassword: read(VERDICTSENTINELPASSWORD),
    authorities: VERDICTCA,
  }
}
