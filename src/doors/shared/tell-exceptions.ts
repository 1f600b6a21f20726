import type { Decision } from '../../judge/decision.ts'
import type { Envelope } from '../../message/envelope/envelope.ts'
import type { Configuration } from './configuration.ts'

/**
 * Reports the exceptions of onescan.policy that have let a message in, so that their use is
 * remembered.
 */
export function tellExceptions(
  decision: Decision,
  { sender }: Envelope,
  { rules, excepted, isTrial }: Pick<Configuration, 'rules' | 'excepted' | 'isTrial'>,
): void {
  if (excepted === undefined || isTrial?.(sender.text)) return
  const parts =
    decision.kind === 'split' ? decision.shares.map((share) => share.decision) : [decision]
  for (const { findings } of parts) {
    const rule = findings.allowed && rules?.all.find(({ line }) => line === findings.allowed)
    if (rule) excepted(rule)
  }
}
