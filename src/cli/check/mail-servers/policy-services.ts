import { connect } from 'node:net'
import type { ServiceAddress } from '../../../doors/milter/wire/ask.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import { error, type Finding, ok } from '../../../ground/errors/finding.ts'
import { PROCESSES } from '../../shared/running-daemons.ts'
import { checkListener, policyService } from '../shared/listener.ts'
import { matchAddress } from '../shared/service-address.ts'
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
  const { accounts, defaults, parameters } = postfix
  const { policies } = onescandAddresses({ defaults, processes: PROCESSES })
  const named = [
    ...restrictions.matchAll(/check_policy_service\s*[ ,]\s*\{?\s*((?:unix|inet):[^\s,}]+)/g),
  ]
  const findings: Finding[] = []
  for (const service of new Set(named.map(([, service]) => service!))) {
    const what = `policy service ${service}`
    try {
      const address = postfixAddress(service, postfix)
      if (address === undefined) throw new Error('is not understood')
      const answers = ok(what, `answers ${await askPolicy(address)}`)
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

const QUESTION =
  'request=smtpd_access_policy\nprotocol_state=RCPT\nprotocol_name=ESMTP\n' +
  'sender=postmaster@localhost\nrecipient=postmaster@localhost\nclient_address=127.0.0.1\n\n'

/** Sends attributes and an empty line, and returns the value of `action=…`; SMTPD_POLICY_README. */
function askPolicy(address: ServiceAddress): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(address)
    socket.setTimeout(PATIENCE, () => socket.destroy(new Error('no answer in time')))
    socket.on('data', (bytes: Buffer) => {
      text += bytes.toString('latin1')
      const [, action] = /^action=(.*)\n/m.exec(text) ?? []
      if (action === undefined) return
      resolve(action)
      socket.destroy()
    })
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('closes the connection: is it a policy service?')))
    socket.write(QUESTION)
  })
}
