import { isSet } from '../../ground/settings/settings.ts'
import { NOTHING_SCANS, switchedOff } from '../../judge/policy.ts'
import { type MessageOptions, unseen } from '../../message/intake.ts'
import { readSpoolPolicy } from '../../message/spool-policy.ts'
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
