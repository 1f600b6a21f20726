import type { MessageOptions } from '../../mail/message/intake.ts'
import { readSpoolPolicy } from '../../mail/message/spool.ts'
import { NOTHING_SCANS, switchedOff } from '../../scan/judge/policy.ts'
import type { Site } from '../../scan/judge/site.ts'
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
      readonly site: Site
    }
)

/** Says how a message is judged that comes now. */
export function startJudging({ site, directories, env, messageOptions }: Configuration): Judging {
  const off = site === undefined ? NOTHING_SCANS : switchedOff(directories)
  if (site === undefined || off !== undefined) {
    const spool = site?.policy.spool ?? readSpoolPolicy(env)
    return { kind: 'pass', why: off!, messageOptions: { policy: spool } }
  }
  const clusterPeer = env.CLUSTERPEER !== undefined
  return { kind: 'judge', messageOptions, clusterPeer, site }
}
