import { askPolicy } from '../../../doors/policy/ask.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok } from '../../../ground/errors/finding.ts'
import { checkListener, policyService } from '../shared/listener.ts'
import { matchAddress, type ServiceAddress } from '../shared/service-address.ts'
import { onescandAddresses } from './onescand-addresses.ts'
import { queueOf } from './postconf.ts'
import { postfixAddress, type ReadPostfix } from './read-postfix.ts'

/** Milliseconds for the answer of a policy service. */
const PATIENCE = 10_000

/**
 * Checks each service of check_policy_service in these restrictions: does it answer and, if
 * onescand should listen there, is it onescand?
 */
export async function checkPolicies(
  restrictions: string,
  postfix: ReadPostfix,
): Promise<Finding[]> {
  const { accounts, parameters } = postfix
  const { policies } = onescandAddresses(postfix)
  const named = [
    ...restrictions.matchAll(/check_policy_service\s*[ ,]\s*\{?\s*((?:unix|inet):[^\s,}]+)/g),
  ]
  const findings: Finding[] = []
  for (const service of new Set(named.map(([, service]) => service!))) {
    const what = `policy service ${service}`
    try {
      const address = postfixAddress(service, postfix)
      if (address === undefined) throw new Error('is not understood')
      const answers = ok(what, `answers ${await actionOf(address)}`)
      const isOnescand = matchAddress(service, policies, queueOf(parameters)) !== undefined
      const [trouble] = isOnescand ? checkListener(what, address, accounts, policyService) : []
      findings.push(trouble ?? answers)
    } catch (thrown) {
      const remedy = 'start it; until then Postfix defers, unless default_action says otherwise'
      findings.push(error(what, errorText(thrown), remedy))
    }
  }
  return findings
}

/** Asks about a recipient, as Postfix does, and returns the action. */
async function actionOf(address: ServiceAddress): Promise<string> {
  const answer = await askPolicy(address, QUESTION, PATIENCE)
  const action = answer.get('action')
  if (action === undefined) throw new Error('answers without an action')
  return action
}

const QUESTION = {
  request: 'smtpd_access_policy',
  protocol_state: 'RCPT',
  protocol_name: 'ESMTP',
  sender: 'postmaster@localhost',
  recipient: 'postmaster@localhost',
  client_address: '127.0.0.1',
}
