import type { Test } from 'tap'
import { readStoreAddress } from '../../../../../src/scanner/protocol/valkey/store-address.ts'
import {
  SharedStore,
  type SharedStoreOptions,
} from '../../../../../src/scanner/scan/verdicts/store/shared-store.ts'
import { until } from '../../../../run/until.ts'

export const print = (n = 1) => Buffer.alloc(32, n).toString('base64url')
export const sealed = Buffer.from('sealed verdict')
export const keyOf = (n = 1) => `onescan:verdict:1:${print(n)}`

export interface Opened extends Pick<SharedStore, 'get' | 'put' | 'release' | 'sharing' | 'close'> {
  readonly log: string[]
  /** Resolves once the store has a value for this fingerprint, or none any more. */
  holds(fingerprint: string, value?: Buffer): Promise<void>
}

/** Opens a store as a host does. It is closed with the test. */
export function openStore(t: Test, url: string, more: Partial<SharedStoreOptions> = {}): Opened {
  const log: string[] = []
  const store = new SharedStore({
    address: readStoreAddress(url)!,
    password: undefined,
    sentinelPassword: undefined,
    authorities: undefined,
    timeout: 500,
    log: (line) => log.push(line),
    uptime: () => performance.now(),
    ...more,
  })
  t.teardown(() => store.close())
  return {
    get: (...question) => store.get(...question),
    put: (...verdict) => store.put(...verdict),
    release: (fingerprint) => store.release(fingerprint),
    sharing: () => store.sharing(),
    close: () => store.close(),
    log,
    async holds(fingerprint, value = sealed) {
      const hasIt = async () => {
        const found = await store.get(fingerprint)
        if (found === undefined) store.put(fingerprint, value, 60)
        return found?.equals(value)
      }
      await until(hasIt, 'the store has it')
    },
  }
}
