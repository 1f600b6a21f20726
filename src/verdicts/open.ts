import { hostname } from 'node:os'
import type { Key } from '../cluster/keyring.ts'
import { errorText, Fault } from '../ground/errors/fault.ts'
import { deriveSecrets, keyMark, type Secrets, sharedKey } from './copies/secrets.ts'
import type { HostMemory } from './host-memory.ts'
import type { SharedStoreOptions } from './stores/shared-store.ts'
import type { VerdictStore } from './stores/store.ts'
import { accessOf } from './valkey/access.ts'
import type { StoreAddress } from './valkey/address.ts'
import { Verdicts, type VerdictsOptions } from './verdicts.ts'
import type { VerdictPolicy } from './verdicts-policy.ts'

export interface VerdictsContext
  extends Pick<VerdictsOptions, 'crypto' | 'now' | 'uptime' | 'signatureFiles'> {
  /** Takes a line when a shared store fails, and when it answers again. */
  readonly log: (line: string) => void
  /** Milliseconds that a scan may take: SCANTIMEOUT. */
  readonly scanTimeout: number
}

/**
 * Opens the memory of verdicts that settings ask for; undefined if they ask for none. Its secrets come
 * from the key that the cluster shares, or from this host's own secret if there is no cluster. The memory
 * of this process is asked before a shared store. Throws Faults of kind `config`.
 */
export async function openVerdictsBy(
  policy: VerdictPolicy,
  keys: readonly Key[],
  memory: HostMemory,
  { log, scanTimeout, crypto, ...clocks }: VerdictsContext,
): Promise<Verdicts | undefined> {
  const { store, maxAge, poisonTries } = policy
  if (store === 'off' || maxAge === 0) return undefined
  const secretNow = () => sharedKey(keys, clocks.now() / 1000)?.secret ?? memory.secret
  const mark = () => keyMark(secretNow(), crypto)
  const stores: VerdictStore[] = [memory.store]
  if (store !== 'memory') {
    if (sharedKey(keys, clocks.now() / 1000) === undefined) throw withoutKey(store)
    stores.push(await openShared(store, policy, { log, mark, uptime: clocks.uptime }))
  }
  const derived = new Map<Buffer, Secrets>()
  return new Verdicts({
    ...clocks,
    stores,
    inFlight: memory.inFlight,
    fullTime: scanTimeout,
    poisonPolicy:
      poisonTries === 0
        ? undefined
        : { poison: memory.poison, tries: poisonTries, inHand: memory.inHand },
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
    maxAge,
    host: hostname(),
  })
}

async function openShared(
  address: StoreAddress,
  policy: VerdictPolicy,
  more: Pick<SharedStoreOptions, 'log' | 'mark' | 'uptime'>,
): Promise<VerdictStore> {
  try {
    // A bundle of its own: without a shared store no client for it is loaded.
    const { SharedStore } = await import('./stores/shared-store.ts')
    return new SharedStore({ ...accessOf(address, policy), timeout: policy.timeout, ...more })
  } catch (error) {
    throw new Fault('config', `VERDICTS ${address.text}: ${errorText(error)}`, error)
  }
}

function withoutKey({ text }: StoreAddress): Fault {
  const remedy = 'make an hmac-sha256 key with onescan keygen for all hosts (CLUSTERKEYS)'
  return new Fault('config', `VERDICTS ${text}: hosts that share verdicts need a key; ${remedy}`)
}
