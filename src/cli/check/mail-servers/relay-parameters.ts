import { type Finding, ok, warning } from '../../../ground/errors/finding.ts'
import { onescandAddresses } from './onescand-addresses.ts'
import { type Parameters, postconf, readParameters, secondsOf } from './postconf.ts'
import type { ReadPostfix } from './read-postfix.ts'
import { scanTimeout } from './try-milter.ts'

/** Parameters by which Postfix hands mail to a server of SMTP or LMTP. */
const RELAY_PARAMETERS = [
  'content_filter',
  'smtpd_proxy_filter',
  'virtual_transport',
  'mailbox_transport',
]

/** How long Postfix waits for the reply to a message: smtpd(8), smtp(8). */
const TIME_LIMITS = ['smtpd_proxy_timeout', 'smtp_data_done_timeout', 'lmtp_data_done_timeout']

/** The value of examples: more than a scan, and what the next server may take after it. */
const ENOUGH = 900

/** What is set for all of Postfix, and what for single services: `smtp/inet/smtpd_proxy_filter`. */
interface RelaySettings {
  readonly main: Parameters
  readonly own: ReadonlyMap<string, string>
  /** The lines of master.cf. */
  readonly master: string
}

/**
 * Finds the parameters by which Postfix hands mail to --smtp or --lmtp of onescand: in main.cf, or by
 * -o in master.cf. Postfix must not give up before a scan does: it would send the message again, and
 * again in vain.
 */
export async function checkRelayParameters(postfix: ReadPostfix): Promise<Finding[]> {
  const { relays } = onescandAddresses(postfix)
  if (relays.length === 0) return []
  const main = readParameters(await postconf(postfix, '-x', ...RELAY_PARAMETERS, ...TIME_LIMITS))
  const ofServices = (await postconf(postfix, '-P', '-x')).matchAll(/^(\S+\/\w+) = (.*)$/gm)
  const own = new Map([...ofServices].map(([, name, value]) => [name!, value!]))
  const settings = { main, own, master: await postconf(postfix, '-M') }
  const scan = scanTimeout(postfix.defaults)
  return [...Object.entries(main), ...own].flatMap(([place, value]) => {
    const name = place.slice(place.lastIndexOf('/') + 1)
    const address = relays.find((relay) => leadsTo(value, relay))
    if (!RELAY_PARAMETERS.includes(name) || address === undefined) return []
    const found = ok(place, `hands mail to ${address}, where onescand listens`)
    return [found, ...checkTime(timeLimitOf(place, value, settings), settings, scan)]
  })
}

/** `scan:[127.0.0.1]:10025` leads to `inet:127.0.0.1:10025`, and `lmtp:unix:/PATH` to `unix:/PATH`. */
function leadsTo(value: string, address: string): boolean {
  const bare = (text: string) => text.replace(/[[\]]/g, '')
  return `:${bare(value)}`.endsWith(`:${bare(address.replace(/^inet:/, ''))}`)
}

/** The limit that counts for mail on this way, as it can be set for the service alone. */
function timeLimitOf(place: string, value: string, { master }: RelaySettings): string | undefined {
  if (place.endsWith('smtpd_proxy_filter')) return place.replace(/\w+$/, 'smtpd_proxy_timeout')
  const [transport] = value.split(':')
  const line = master.split('\n').find((row) => row.split(/\s+/)[0] === transport)
  const [, type, , , , , , program] = line?.split(/\s+/) ?? []
  const isClient = program === 'smtp' || program === 'lmtp'
  return isClient ? `${transport}/${type}/${program}_data_done_timeout` : undefined
}

function checkTime(
  limit: string | undefined,
  { main, own }: RelaySettings,
  scan: number,
): Finding[] {
  if (limit === undefined) return []
  const name = limit.slice(limit.lastIndexOf('/') + 1)
  const time = own.get(limit) ?? main[name] ?? ''
  if (secondsOf(time) > scan) return []
  const where = limit === name ? '-e' : '-P'
  const remedy = `postconf ${where} ${limit}=${Math.max(ENOUGH, 2 * scan)}s && postfix reload`
  const value = `${time}: Postfix gives up before a scan does (SCANTIMEOUT, ${scan} s)`
  return [warning(limit, value, remedy)]
}
