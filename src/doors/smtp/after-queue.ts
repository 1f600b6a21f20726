import type { Decision } from '../../judge/decision.ts'
import type { Policy } from '../../judge/policy.ts'
import type { Configuration } from '../shared/configuration.ts'

/**
 * What is judged by if the mail is in a queue already: the server in front would return what is
 * refused to a sender who is likely forged (FILTER_README). A virus is tagged, or goes to
 * VIRUSFORWARD.
 */
export function configureAfterQueue(configuration: Configuration): Configuration {
  return { ...configuration, adapt: taggingVirus }
}

function taggingVirus(policy: Policy): Policy {
  if (policy.infected.action !== 'reject') return policy
  return { ...policy, infected: { ...policy.infected, action: 'tag' } }
}

/** What would be refused for other reasons stays in the queue. */
export function afterQueue(decision: Decision): Decision {
  if (decision.kind !== 'reject') return decision
  const { reply, findings } = decision
  const enhanced = reply.enhanced.replace(/^5/, '4')
  return { kind: 'defer', reply: { ...reply, class: 4, enhanced }, findings }
}
