import { type Finding, ok } from '../../../ground/errors/finding.ts'
import { type OnescandSources, onescandAddresses } from './onescand-addresses.ts'

/** Parameters by which Postfix hands mail to a server of SMTP or LMTP. */
const RELAY_PARAMETERS = [
  'content_filter',
  'smtpd_proxy_filter',
  'virtual_transport',
  'mailbox_transport',
]

/**
 * Finds the parameters by which Postfix hands mail to --smtp or --lmtp of onescand: in main.cf, or by
 * -o in master.cf. `postconf` asks postconf(1).
 */
export async function checkRelayParameters(
  postconf: (...words: string[]) => Promise<string>,
  sources: OnescandSources,
): Promise<Finding[]> {
  const { relays } = onescandAddresses(sources)
  if (relays.length === 0) return []
  const lines = [await postconf('-x', ...RELAY_PARAMETERS), await postconf('-P')].join('\n')
  return lines.split('\n').flatMap((line) => {
    const [, service = '', name = '', value = ''] = /^(\S+\/)?(\w+) = (.*)$/.exec(line) ?? []
    if (!RELAY_PARAMETERS.includes(name)) return []
    const address = relays.find((relay) => leadsTo(value, relay))
    if (address === undefined) return []
    return [ok(`${service}${name}`, `hands mail to ${address}, where onescand listens`)]
  })
}

/** `scan:[127.0.0.1]:10025` leads to `inet:127.0.0.1:10025`, and `lmtp:unix:/PATH` to `unix:/PATH`. */
function leadsTo(value: string, address: string): boolean {
  const bare = (text: string) => text.replace(/[[\]]/g, '')
  return `:${bare(value)}`.endsWith(`:${bare(address.replace(/^inet:/, ''))}`)
}
