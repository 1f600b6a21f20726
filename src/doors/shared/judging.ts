import { isSet } from '../../ground/settings/settings.ts'
import { NOTHING_SCANS, switchedOff } from '../../judge/policy.ts'
import type { MessageOptions } from '../../message/in-memory.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
import type { Rules } from '../../rules/match.ts'
import type { Configuration } from './configuration.ts'
import type { Judgement } from './settle.ts'

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
      readonly judgement: Judgement
    }
)

/** Returns what a message is kept and looked at by, if it is judged. */
export function messageOptions(configuration: Configuration): MessageOptions {
  const { policy, env, digestsFor, tools, memoryFiles } = configuration
  return {
    policy: policy?.spool ?? readSpoolPolicy(env),
    digestsFor,
    createHash: tools.crypto?.createHash,
    memoryFiles,
  }
}

export function startJudging(configuration: Configuration): Judging {
  const { policy, directories, env, tools } = configuration
  const off = policy === undefined ? NOTHING_SCANS : switchedOff(directories)
  if (policy === undefined || off !== undefined) {
    const spool = policy?.spool ?? readSpoolPolicy(env)
    return { kind: 'pass', why: off!, messageOptions: { ...unseen, policy: spool } }
  }
  const { rules, byRule, adapt, scannersFor } = configuration
  const scanners = scannersFor(policy.scan.line)
  const judgement = { policy, tools: { ...tools, scanners }, rules, byRule, adapt }
  return {
    kind: 'judge',
    messageOptions: messageOptions(configuration),
    clusterPeer: isSet(env, 'CLUSTERPEER'),
    judgement,
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

/** Options for a message whose digests nobody needs. */
const unseen = { digestsFor: () => ({ md5: false, sha256: false }), createHash: undefined }
