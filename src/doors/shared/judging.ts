import { isSet } from '../../ground/settings/settings.ts'
import { judgeByRules, type PolicyFor } from '../../judge/by-rule.ts'
import type { Decision } from '../../judge/decision.ts'
import type { AnswerMode } from '../../judge/divide.ts'
import { judge } from '../../judge/engine.ts'
import { NOTHING_SCANS, switchedOff } from '../../judge/policy.ts'
import type { Transaction } from '../../judge/transaction.ts'
import type { MessageOptions } from '../../message/in-memory.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import type { Rules } from '../../rules/match.ts'
import { abortable } from '../../scan/shared/scanner.ts'
import type { Configuration } from './configuration.ts'

/** How one message is judged: by the configuration at the moment when it came. */
export type Judging = {
  /** What the message is kept and looked at by. */
  readonly messageOptions: MessageOptions
} /** `pass`: the message passes as it is, unscanned. */ & (
  | { readonly kind: 'pass'; readonly why: string }
  | {
      readonly kind: 'judge'
      /** Whether all clients count as hosts of the cluster (CLUSTERPEER). */
      readonly clusterPeer: boolean
      /** At the signal `gone` scanners end their work, because nobody needs the answer any more. */
      judge(transaction: Transaction, gone: AbortSignal, answers: AnswerMode): Promise<Decision>
    }
)

export function startJudging(configuration: Configuration): Judging {
  const { policy, directories, env, tools } = configuration
  const off = policy === undefined ? NOTHING_SCANS : switchedOff(directories)
  if (policy === undefined || off !== undefined) {
    const spool = policy?.spool ?? readSpoolPolicy(env)
    return { kind: 'pass', why: off!, messageOptions: { ...unseen, policy: spool } }
  }
  return {
    kind: 'judge',
    messageOptions: {
      policy: policy.spool,
      digestsFor: configuration.digestsFor,
      createHash: tools.crypto?.createHash,
      memoryFiles: configuration.memoryFiles,
    },
    clusterPeer: isSet(env, 'CLUSTERPEER'),
    async judge(transaction, gone, answers) {
      const { rules, byRule, scannersFor, adapt } = configuration
      const policyFor: PolicyFor = (settings) => {
        const set = settings && byRule(settings)
        const chosen = set?.policy ?? policy
        const scanners = set?.scanners ?? scannersFor(chosen.scan.line)
        return {
          policy: adapt?.(chosen) ?? chosen,
          tools: {
            ...tools,
            scanners: scanners.map((scanner) => abortable(gone, scanner)),
          },
        }
      }
      if (rules === undefined) return judgeBy(transaction, policyFor)
      const decision = await judgeByRules(transaction, rules, policyFor, answers)
      return decision
    },
  }
}

/**
 * Returns the rules if some of their lines refuse mail and mail is judged at present. A door asks
 * them about each recipient.
 */
export function refusingRules({ policy, directories, rules }: Configuration): Rules | undefined {
  if (!rules?.refuseSome || policy === undefined) return undefined
  return switchedOff(directories) === undefined ? rules : undefined
}

/**
 * Whether something is done for single recipients, so that all servers must mean the same mailbox:
 * a line of onescan.policy(5) may be about it, or its mail may be kept.
 */
export function needsPlainRecipients({ policy, directories, rules }: Configuration): boolean {
  if (rules === undefined && policy?.quarantine?.kind !== 'directory') return false
  return policy !== undefined && switchedOff(directories) === undefined
}

async function judgeBy(transaction: Transaction, policyFor: PolicyFor): Promise<Decision> {
  const { policy, tools } = await policyFor(undefined)
  return judge(transaction, policy, tools)
}

/** Options for a message whose digests nobody needs. */
const unseen = { digestsFor: () => ({ md5: false, sha256: false }), createHash: undefined }
