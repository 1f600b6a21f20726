import type { Crypto } from '../../ground/runtime/crypto.ts'
import type { TimedLookup } from '../quota/quota-answer.ts'
import type { Scanner } from '../scanners/shared/scanner.ts'
import type { SignatureFiles } from '../scanners/shared/signatures.ts'
import type { Verdicts } from '../verdicts/verdicts.ts'

/** The scanners, clocks and services that the judgement uses; tests hand in their own. */
export interface Tools {
  readonly scanners: readonly Scanner[]
  /** Needed if the policy has a cluster. */
  readonly crypto: Crypto | undefined
  /** Reads which virus signatures lie on this host. */
  readonly signatureFiles: () => SignatureFiles | undefined
  /** Milliseconds of the wall clock, as Date.now(): for times that hosts and files name. */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets, for laps and deadlines. */
  readonly uptime: () => number
  /** The memory of verdicts about copies. Without it each message is scanned. */
  readonly verdicts?: Verdicts | undefined
  /** Aborted when nobody waits for the decision any more: scanners end their work then. */
  readonly gone?: AbortSignal | undefined
  /** Set for doors that answer once for all recipients, at the end of the message. */
  readonly quota?: TimedLookup | undefined
}
