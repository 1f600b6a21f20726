import { createHmac, timingSafeEqual } from 'node:crypto'
import { loadKeyring } from '../../cluster/keyring.ts'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { Clocks } from '../../ground/flow/clocks.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { sharedKey } from '../../verdicts/copies/secrets.ts'
import type { VerdictStore } from '../../verdicts/stores/store.ts'
import { accessOf } from '../../verdicts/valkey/access.ts'
import { readVerdictPolicy } from '../../verdicts/verdicts-policy.ts'
import type { SharedKnownClients } from './known-clients.ts'

/** Bytes of a value: the unix time until which a client is known, and the MAC of client and time. */
const TIME_BYTES = 8
const MAC_BYTES = 32
/**
 * Seconds for which an entry replaces that of a forgotten client: stores here have no command to
 * delete.
 */
const FORGOTTEN_FOR = 1

/**
 * Opens the known clients that hosts share in their store of verdicts (onescan-queue(8), VERDICTS).
 * Returns undefined if VERDICTS names no such store. The store is not trusted: the names of entries
 * are HMACs under the key that the hosts share, and each value has such an HMAC. Throws a Fault if
 * there is no key or the store cannot be used.
 */
export async function openSharedKnownClients(
  env: Environment,
  { now, uptime }: Clocks,
  log: (line: string) => void,
): Promise<SharedKnownClients | undefined> {
  const policy = readVerdictPolicy(env)
  if (policy.store === 'off' || policy.store === 'memory') return undefined
  const address = policy.store
  const path = env.CLUSTERKEYS
  const ring = path ? loadKeyring({ path, named: true }) : { off: true as const, why: undefined }
  const key = 'keys' in ring ? sharedKey(ring.keys, now() / 1000) : undefined
  if (key === undefined) {
    const remedy = 'name a keyring with an hmac-sha256 key in CLUSTERKEYS'
    throw new Fault('config', `VERDICTS ${address.text}: hosts that share need a key; ${remedy}`)
  }
  const { secret } = key
  const store = await open()

  async function open(): Promise<VerdictStore> {
    try {
      const { SharedStore } = await import('../../verdicts/stores/shared-store.ts')
      const access = accessOf(address, policy)
      const meanwhile = 'this host alone knows its clients meanwhile'
      return new SharedStore({ ...access, timeout: policy.timeout, log, uptime, meanwhile })
    } catch (error) {
      throw new Fault('config', `VERDICTS ${address.text}: ${errorText(error)}`, error)
    }
  }

  const mac = (...parts: readonly (string | Buffer)[]) => {
    const hash = createHmac('sha256', secret)
    for (const part of parts) hash.update(part)
    return hash.digest()
  }
  const nameOf = (client: string) => mac('onescan-known-client/1 name\n', client)
  const sealOf = (client: string, time: Buffer) =>
    mac('onescan-known-client/1 time\n', client, '\n', time)

  function put(client: string, until: number, seconds: number): void {
    const time = Buffer.alloc(TIME_BYTES)
    time.writeBigUInt64BE(BigInt(Math.floor(until)))
    store.put(nameOf(client), Buffer.concat([time, sealOf(client, time)]), seconds)
  }

  return {
    async ask(client) {
      const name = nameOf(client)
      const found = await store.get(name)
      if (found === undefined) {
        store.release?.(name) // a question without an answer claims the name for this host
        return 0
      }
      const time = found.subarray(0, TIME_BYTES)
      const seal = found.subarray(TIME_BYTES)
      if (found.length !== TIME_BYTES + MAC_BYTES || !timingSafeEqual(seal, sealOf(client, time))) {
        return 0
      }
      return Number(time.readBigUInt64BE(0)) - now() / 1000
    },
    add: (client, seconds) => put(client, now() / 1000 + seconds, seconds),
    forget: (client) => put(client, 0, FORGOTTEN_FOR),
  }
}
