import type { MessageOptions } from '../../mail/message/message-options.ts'
import { readSpoolSettings } from '../../mail/message/spool.ts'
import type { Configuration } from '../configuration/configuration.ts'
import { NOTHING_SCANS } from '../scan/judge/context/judge-config.ts'
import type { JudgeContext } from '../scan/judge/context/judge-context.ts'

/** How one message is handled: by the configuration at the time of its arrival. */
export type HandlingPlan =
  | PassingPlan
  | {
      readonly kind: 'judge'
      readonly messageOptions: MessageOptions
      /** Whether all clients count as hosts of the cluster (CLUSTERPEER). */
      readonly isClusterPeer: boolean
      readonly context: JudgeContext
    }

/** The message passes as it is, unscanned. */
export interface PassingPlan {
  readonly kind: 'pass'
  /** `disabled`: mail is meant to pass. `no-scanner`: QHPSI names none. */
  readonly cause: 'disabled' | 'no-scanner'
  /** The reason, as the log states it. */
  readonly reason: string
  readonly messageOptions: MessageOptions
}

/** Returns how a message that arrives now is handled, by the switch as the door has last seen it. */
export function planHandling(configuration: Configuration): HandlingPlan {
  const { context, off, env, messageOptions } = configuration
  const pass = (cause: PassingPlan['cause'], reason: string): PassingPlan => {
    const spool = context?.config.spool ?? readSpoolSettings(env)
    return { kind: 'pass', cause, reason, messageOptions: { spool } }
  }
  if (context === undefined) return pass('no-scanner', NOTHING_SCANS)
  if (off.value !== undefined) return pass('disabled', off.value)
  return { kind: 'judge', messageOptions, isClusterPeer: env.CLUSTERPEER !== undefined, context }
}
