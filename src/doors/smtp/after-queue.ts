import type { Decision, SingleDecision } from '../../judge/decision.ts'
import type { Policy } from '../../judge/policy.ts'
import type { Configuration } from '../shared/configuration.ts'

/**
 * The policy for mail that is in a queue already: a refusal would make the server in front return
 * it to a sender who is likely forged (FILTER_README). A virus is tagged, or goes to VIRUSFORWARD.
 */
export function configureAfterQueue(configuration: Configuration): Configuration {
  return { ...configuration, adapt: taggingVirus }
}

function taggingVirus(policy: Policy): Policy {
  if (policy.infected.action !== 'reject') return policy
  return { ...policy, infected: { ...policy.infected, action: 'tag' } }
}

/** Mail that would be refused for other reasons stays in the queue. */
export function afterQueue(decision: Decision): Decision {
  if (decision.kind !== 'split') return notRefused(decision)
  const shares = decision.shares.map((share) => {
    return { ...share, decision: notRefused(share.decision) }
  })
  return { ...decision, shares }
}

function notRefused(decision: SingleDecision): SingleDecision {
  if (decision.kind !== 'reject') return decision
  const { reply, findings } = decision
  const enhanced = reply.enhanced.replace(/^5/, '4')
  return { kind: 'defer', reply: { ...reply, class: 4, enhanced }, findings }
}
