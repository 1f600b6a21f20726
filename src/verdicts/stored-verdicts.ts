import { joinVersions } from '../scan/shared/signatures.ts'
import { stillCounts } from './copies/fresh.ts'
import type { FingerprintedMessage, IdentityOptions } from './copies/message-identity.ts'
import { openSealed, sealVerdict } from './shared/seal.ts'
import type { RememberedVerdict } from './shared/verdict.ts'
import type { VerdictStore } from './stores/store.ts'

export interface StoredVerdictsOptions
  extends Pick<IdentityOptions, 'crypto' | 'host' | 'signatureFiles'> {
  /** The stores, asked in this order until one has a verdict that counts. A new verdict goes into all. */
  readonly stores: readonly VerdictStore[]
  /** Milliseconds, as Date.now(). */
  readonly now: () => number
}

/** The verdicts in all stores. */
export class StoredVerdicts {
  readonly #options: StoredVerdictsOptions

  constructor(options: StoredVerdictsOptions) {
    this.#options = options
  }

  /**
   * Resolves to a stored verdict that counts here and now. The stores that were asked before the one
   * that has it get a copy.
   */
  async recall(
    message: FingerprintedMessage,
    patience: number,
  ): Promise<RememberedVerdict | undefined> {
    const { stores, crypto } = this.#options
    const { fingerprint, secrets, maxAge } = message
    for (const [index, store] of stores.entries()) {
      const sealed = await store.get(fingerprint, patience)
      if (sealed === undefined) continue
      const verdict = openSealed(sealed, fingerprint, secrets.seal, crypto)
      if (!verdict || !this.doesCount(verdict, message)) continue
      const left = Math.max(1, Math.min(maxAge, verdict.time + maxAge - this.#seconds()))
      for (const nearer of stores.slice(0, index)) nearer.put(fingerprint, sealed, left)
      return verdict
    }
    return undefined
  }

  /** Whether the verdict counts for this message, here and now. */
  doesCount(
    verdict: RememberedVerdict,
    { maxAge, versions, isExcused }: FingerprintedMessage,
  ): boolean {
    // Whoever found it may have looked no further.
    if (verdict.found.answer === 'infected' && isExcused?.(verdict.found)) return false
    const { signatureFiles, host } = this.#options
    const signatures = joinVersions(versions)
    const files = signatureFiles()
    return stillCounts(verdict, { now: this.#seconds(), maxAge, signatures, files, host })
  }

  remember(verdict: RememberedVerdict, message: FingerprintedMessage): void {
    const { stores, crypto } = this.#options
    const { fingerprint, secrets, maxAge } = message
    const sealed = sealVerdict(verdict, fingerprint, secrets.seal, crypto)
    for (const store of stores) store.put(fingerprint, sealed, maxAge)
  }

  /** Tells the stores that the scan found no verdict, so that nobody waits for one. */
  release({ fingerprint }: FingerprintedMessage): void {
    for (const store of this.#options.stores) store.release?.(fingerprint)
  }

  #seconds(): number {
    return Math.floor(this.#options.now() / 1000)
  }
}
