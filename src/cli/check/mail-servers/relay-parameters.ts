import { type Finding, ok } from '../shared/finding.ts'
import { onescandAddresses } from './onescand-addresses.ts'

/** Parameters by which Postfix hands mail to a server of SMTP or LMTP. */
const HANDING = ['content_filter', 'smtpd_proxy_filter', 'virtual_transport', 'mailbox_transport']

/**
 * Where Postfix hands mail to --smtp or --lmtp of onescand: in main.cf, or by -o in master.cf.
 * `postconf` asks postconf(1), `defaults` is the file of onescand's settings.
 */
export async function checkRelayParameters(
  postconf: (...words: string[]) => Promise<string>,
  defaults: string,
): Promise<Finding[]> {
  const { relays } = onescandAddresses({ defaults, processes: '/proc' })
  if (relays.length === 0) return []
  const lines = [await postconf('-x', ...HANDING), await postconf('-P')].join('\n')
  return lines.split('\n').flatMap((line) => {
    const [, service = '', name = '', value = ''] = /^(\S+\/)?(\w+) = (.*)$/.exec(line) ?? []
    if (!HANDING.includes(name)) return []
    const place = relays.find((relay) => leadsTo(value, relay))
    if (place === undefined) return []
    return [ok(`${service}${name}`, `hands mail to ${place}, where onescand listens`)]
  })
}

/** `scan:[127.0.0.1]:10025` leads to `inet:127.0.0.1:10025`, and `lmtp:unix:/PATH` to `unix:/PATH`. */
function leadsTo(value: string, place: string): boolean {
  const bare = (text: string) => text.replace(/[[\]]/g, '')
  return `:${bare(value)}`.endsWith(`:${bare(place.replace(/^inet:/, ''))}`)
}
