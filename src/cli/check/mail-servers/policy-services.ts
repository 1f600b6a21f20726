import { connect } from 'node:net'
import type { ServiceAddress } from '../../../doors/milter/wire/ask.ts'
import { errorText } from '../../../ground/errors/fault.ts'
import type { Accounts } from '../shared/account.ts'
import { error, type Finding, ok } from '../shared/finding.ts'
import { checkListener, policyListens } from '../shared/listener.ts'
import { placeOf } from './filter-place.ts'
import { matchAddress, onescandAddresses } from './places-of-onescand.ts'

/** Milliseconds for an answer. */
const PATIENCE = 10_000

/** proc(5). */
const PROCESSES = '/proc'

/**
 * Checks each service of check_policy_service: does it answer, and if it is at onescand's place, is
 * it onescand?
 */
export async function checkPolicies(
  restrictions: string,
  queue: string,
  chrooted: boolean,
  { accounts, defaults }: { readonly accounts: Accounts; readonly defaults: string },
): Promise<Finding[]> {
  const { policies } = onescandAddresses({ defaults, processes: PROCESSES })
  const named = [
    ...restrictions.matchAll(/check_policy_service\s*[ ,]\s*\{?\s*((?:unix|inet):[^\s,}]+)/g),
  ]
  const findings: Finding[] = []
  for (const service of new Set(named.map(([, service]) => service!))) {
    const what = `policy service ${service}`
    const place = placeOf(service, chrooted || !/^unix:\//.test(service) ? queue : undefined)
    try {
      if (place === undefined) throw new Error('is not understood')
      const answers = ok(what, `answers ${await askPolicy(place)}`)
      const isOurs = matchAddress(service, policies, queue) !== undefined
      const [trouble] = isOurs ? checkListener(what, place, accounts, policyListens) : []
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

/** SMTPD_POLICY_README: sends attributes and an empty line, and gets `action=…`. */
function askPolicy(place: ServiceAddress): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = connect(place)
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
