import type { Configuration } from '../configuration/configuration.ts'
import type { MessageOptions } from '../mail/message/message-options.ts'
import { readSpoolSettings } from '../mail/message/spool.ts'
import { NOTHING_SCANS } from '../scan/judge/context/judge-config.ts'
import type { JudgeContext } from '../scan/judge/context/judge-context.ts'

/** How one message is handled: by the configuration at the time of its arrival. */
export type HandlingPlan =
  | {
      readonly kind: 'pass'
      /** Why the message passes as it is, unscanned. */
      readonly reason: string
      /** The options for spooling the message. */
      readonly messageOptions: MessageOptions
    }
  | {
      readonly kind: 'judge'
      /** The options for spooling and reading the message. */
      readonly messageOptions: MessageOptions
      /** Whether all clients count as hosts of the cluster (CLUSTERPEER). */
      readonly isClusterPeer: boolean
      readonly context: JudgeContext
    }

/** Returns how a message that arrives now is handled, by the switch as the interface has last seen it. */
export function planHandling(configuration: Configuration): HandlingPlan {
  const { context, off, env, messageOptions } = configuration
  const pass = (reason: string): HandlingPlan => {
    const spool = context?.config.spool ?? readSpoolSettings(env)
    return { kind: 'pass', reason, messageOptions: { spool } }
  }
  if (context === undefined) return pass(NOTHING_SCANS)
  if (off.value !== undefined) return pass(off.value)
  return { kind: 'judge', messageOptions, isClusterPeer: env.CLUSTERPEER !== undefined, context }
}
