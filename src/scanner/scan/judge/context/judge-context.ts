import type { Crypto } from '../../../../base/runtime/crypto.ts'
import type { MessageOptions } from '../../../../mail/message/message-options.ts'
import type { QuotaLookup } from '../../quota/quota-lookup.ts'
import type { Rules } from '../../rules/match.ts'
import type { Scanner } from '../../scanners/contract/scanner.ts'
import { TOP_LINE } from '../../scanners/contract/top-line.ts'
import type { SignatureFiles } from '../../scanners/signatures/signature-files.ts'
import { digestsFor } from '../../stamps/verify-stamps.ts'
import type { Verdicts } from '../../verdicts/verdicts.ts'
import type { JudgeConfig } from './judge-config.ts'

/**
 * The immutable configuration and tools that mail is judged by. A door, a client or a line of
 * onescan.policy that changes something uses a changed copy.
 */
export interface JudgeContext {
  readonly config: JudgeConfig
  readonly tools: Tools
  /** The lines of onescan.policy, and the context of each, or undefined if there are none. */
  readonly rules?: LoadedRules | undefined
}

export interface LoadedRules {
  readonly lines: Rules
  /** Returns the context of a line with these settings. Throws a Fault for an invalid setting. */
  contextOfLine(settings: Readonly<Record<string, string>>): JudgeContext | Promise<JudgeContext>
}

/** The scanners, clocks and services that the judgement uses. Tests pass their own. */
export interface Tools {
  readonly scanners: readonly Scanner[]
  /** Needed if the configuration has a cluster. */
  readonly crypto: Crypto | undefined
  /** Returns the virus signatures on this host, as they were last seen. */
  readonly signatureFiles: () => SignatureFiles | undefined
  /** Looks for them again, if that is due. */
  readonly lookForSignatures?: () => Promise<unknown>
  /** Milliseconds of the wall clock, as Date.now(): for times that hosts and files name. */
  readonly now: () => number
  /** Milliseconds on a monotonic clock, for durations and deadlines. */
  readonly uptime: () => number
  /** The memory of verdicts on copies. Without it each message is scanned. */
  readonly verdicts?: Verdicts | undefined
  /** Set for doors that answer once for all recipients, at the end of the message. */
  readonly quota?: QuotaLookup | undefined
}

/** Returns the options for spooling and reading a message that is judged. */
export function messageOptionsFor(
  { spool, cluster }: JudgeConfig,
  { crypto, verdicts, now }: Tools,
): MessageOptions {
  const keys = cluster?.keys ?? []
  return {
    spool,
    top: TOP_LINE,
    digestsFor(header) {
      const wanted = digestsFor(header, keys, now() / 1000)
      return verdicts === undefined ? wanted : { ...wanted, wantsSha256: true }
    },
    createHash: crypto?.createHash,
  }
}
