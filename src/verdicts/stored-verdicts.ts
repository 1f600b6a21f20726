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
export interface StoredVerdicts {
  /**
   * Resolves to a stored verdict that counts here and now. The stores that were asked before the one
   * that has it get a copy.
   */
  recall(message: FingerprintedMessage, patience: number): Promise<RememberedVerdict | undefined>
  /** Whether the verdict counts for this message, here and now. */
  doesCount(verdict: RememberedVerdict, message: FingerprintedMessage): boolean
  remember(verdict: RememberedVerdict, message: FingerprintedMessage): void
  /** Tells the stores that the scan found no verdict, so that nobody waits for one. */
  release(message: FingerprintedMessage): void
}

export function openStoredVerdicts({
  stores,
  crypto,
  host,
  signatureFiles,
  now,
}: StoredVerdictsOptions): StoredVerdicts {
  const seconds = () => Math.floor(now() / 1000)

  function doesCount(
    verdict: RememberedVerdict,
    { maxAge, versions, isExcused }: FingerprintedMessage,
  ): boolean {
    // Whoever found it may have looked no further.
    if (verdict.found.answer === 'infected' && isExcused?.(verdict.found)) return false
    const signatures = joinVersions(versions)
    return stillCounts(verdict, {
      now: seconds(),
      maxAge,
      signatures,
      files: signatureFiles(),
      host,
    })
  }

  return {
    doesCount,
    async recall(message, patience) {
      const { fingerprint, secrets, maxAge } = message
      for (const [index, store] of stores.entries()) {
        const sealed = await store.get(fingerprint, patience)
        if (sealed === undefined) continue
        const verdict = openSealed(sealed, fingerprint, secrets.seal, crypto)
        if (!verdict || !doesCount(verdict, message)) continue
        const left = Math.max(1, Math.min(maxAge, verdict.time + maxAge - seconds()))
        for (const nearer of stores.slice(0, index)) nearer.put(fingerprint, sealed, left)
        return verdict
      }
      return undefined
    },
    remember(verdict, { fingerprint, secrets, maxAge }) {
      const sealed = sealVerdict(verdict, fingerprint, secrets.seal, crypto)
      for (const store of stores) store.put(fingerprint, sealed, maxAge)
    },
    release({ fingerprint }) {
      for (const store of stores) store.release?.(fingerprint)
    },
  }
}
