import type { Decision } from '../../judge/decision.ts'
import { judge } from '../../judge/engine.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import type { LookOptions } from '../../message/held.ts'
import { abortable } from '../../scan/shared/scanner.ts'
import { isSet } from '../../settings/settings.ts'
import type { Configuration } from './configuration.ts'

/** What one message is judged by: the configuration of the moment when it came. */
export type Judging =
  /** It passes as it is, unscanned. */
  | { readonly kind: 'pass'; readonly why: string }
  | {
      readonly kind: 'judge'
      /** What the message is kept and looked at by. */
      readonly look: LookOptions
      /** Whether all clients count as hosts of the cluster (CLUSTERPEER). */
      readonly clusterPeer: boolean
      /** Scanners end their work at this signal: no answer is needed any more. */
      judge(transaction: Transaction, gone: AbortSignal): Promise<Decision>
    }

export function startJudging(configuration: Configuration): Judging {
  const { policy, place, env, tools } = configuration
  if (policy === undefined) return { kind: 'pass', why: 'QHPSI is not set' }
  const off = switchedOff(place)
  if (off !== undefined) return { kind: 'pass', why: off }
  return {
    kind: 'judge',
    look: {
      policy: policy.spool,
      digestsFor: configuration.digestsFor,
      createHash: tools.crypto?.createHash,
      now: tools.now(),
    },
    clusterPeer: isSet(env, 'CLUSTERPEER'),
    judge(transaction, gone) {
      const scanners = configuration.scannersFor(policy.scan.line)
      return judge(transaction, policy, {
        ...tools,
        scanners: scanners.map((scanner) => abortable(gone, scanner)),
      })
    },
  }
}
