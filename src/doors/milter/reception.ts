import { digestsFor } from '../../cluster/digests.ts'
import type { Decision } from '../../decision.ts'
import { judge } from '../../engine.ts'
import { switchedOff } from '../../policy/policy.ts'
import { isSet } from '../../settings/settings.ts'
import type { Transaction } from '../../transaction.ts'
import type { Configuration } from '../daemon/configuration.ts'
import { endingWith } from '../daemon/ending-with.ts'
import type { Account } from '../daemon/memory.ts'
import { createIntake, type Intake } from './intake.ts'

/** How one message is received and judged: by the configuration of the moment when it came. */
export type Reception =
  /** It passes as it is; nobody looks at it. */
  | { readonly kind: 'pass'; readonly why: string }
  | {
      readonly kind: 'judge'
      readonly intake: Intake
      /** Whether whoever is behind this MTA is a host of the cluster (CLUSTERPEER). */
      readonly clusterPeer: boolean
      /** Scanners end their work when the signal says that nobody waits for it any more. */
      judge(transaction: Transaction, gone: AbortSignal): Promise<Decision>
    }

export function openReception(configuration: Configuration, account: Account): Reception {
  const { policy, place, env, tools } = configuration
  if (policy === undefined) return { kind: 'pass', why: 'QHPSI is not set' }
  const off = switchedOff(place)
  if (off !== undefined) return { kind: 'pass', why: off }
  const keys = policy.cluster?.keys ?? []
  const now = tools.now()
  return {
    kind: 'judge',
    intake: createIntake(
      {
        policy: policy.spool,
        digestsFor: (header) => digestsFor(header, keys, now / 1000),
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
        scanners: scanners.map((scanner) => endingWith(gone, scanner)),
      })
    },
  }
}
