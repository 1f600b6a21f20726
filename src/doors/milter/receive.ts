import type { Decision } from '../../judge/decision.ts'
import { judge } from '../../judge/engine.ts'
import { switchedOff } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import { abortable } from '../../scan/shared/scanner.ts'
import { isSet } from '../../settings/settings.ts'
import type { Configuration } from '../shared/configuration.ts'
import type { Account } from '../shared/memory.ts'
import { createIntake, type Intake } from './intake.ts'

/** How one message is received and judged: by the configuration of the moment when it came. */
export type Receiving =
  /** It passes as it is, unscanned. */
  | { readonly kind: 'pass'; readonly why: string }
  | {
      readonly kind: 'judge'
      readonly intake: Intake
      /** Whether all clients of this MTA count as hosts of the cluster (CLUSTERPEER). */
      readonly clusterPeer: boolean
      /** Scanners end their work at this signal: no answer is needed any more. */
      judge(transaction: Transaction, gone: AbortSignal): Promise<Decision>
    }

export function startReceiving(configuration: Configuration, account: Account): Receiving {
  const { policy, place, env, tools } = configuration
  if (policy === undefined) return { kind: 'pass', why: 'QHPSI is not set' }
  const off = switchedOff(place)
  if (off !== undefined) return { kind: 'pass', why: off }
  const now = tools.now()
  return {
    kind: 'judge',
    intake: createIntake(
      {
        policy: policy.spool,
        digestsFor: configuration.digestsFor,
        createHash: tools.crypto?.createHash,
        now,
      },
      account,
    ),
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
