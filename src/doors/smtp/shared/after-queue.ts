import type { Decision, SingleDecision } from '../../../scan/judge/decision.ts'
import { adapt, type Site } from '../../../scan/judge/site.ts'

/**
 * Returns what mail is judged by that is in a queue already. The server in front would return a refused
 * message to its sender, who is likely forged (FILTER_README). So a virus that would be refused is
 * tagged.
 */
export function afterQueue(site: Site): Site {
  return adapt(site, ({ policy }) => {
    const { settings } = policy
    if (settings.REJECTVIRUS !== 'reject') return {}
    return { policy: { ...policy, settings: { ...settings, REJECTVIRUS: 'tag' } } }
  })
}

/** Returns the decision with each refusal turned into a deferral: such mail stays in the queue. */
export function deferRefusals(decision: Decision): Decision {
  if (decision.kind !== 'split') return deferRefusal(decision)
  const shares = decision.shares.map((share) => {
    return { ...share, decision: deferRefusal(share.decision) }
  })
  return { ...decision, shares }
}

function deferRefusal(decision: SingleDecision): SingleDecision {
  if (decision.kind !== 'reject') return decision
  const { reply, findings } = decision
  const enhanced = reply.enhanced.replace(/^5/, '4')
  return { kind: 'defer', reply: { ...reply, class: 4, enhanced }, findings }
}
