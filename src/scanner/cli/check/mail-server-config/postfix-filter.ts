import { type CheckLine, failure, marked, ok, warning } from '../../../../base/check/check-line.ts'
import { parseDuration } from '../../../../base/text/units.ts'
import { checkCopies, checkReturnService, checkTransport } from './filter-parameters.ts'
import { matchAddress, proxyTimeout } from './onescand-endpoints.ts'
import { type Postfix, type SmtpdService, setting, tooEarly } from './postconf.ts'

/** The filter before the queue. */
const PROXY = 'smtpd_proxy_filter'
/** The deliveries by which mail may leave the queue for onescand. */
const DELIVERIES = [
  'virtual_transport',
  'mailbox_transport',
  'default_transport',
  'local_transport',
]
/** The parameters with the time for which a client of Postfix waits after a message. */
const TIME_LIMITS: Readonly<Record<string, string>> = {
  smtp: 'smtp_data_done_timeout',
  lmtp: 'lmtp_data_done_timeout',
}

/**
 * Returns the check lines about the service's filter over SMTP, if that is onescand, or undefined if it is not.
 */
export function checkSmtpFilter(service: SmtpdService, postfix: Postfix): CheckLine[] | undefined {
  for (const name of [PROXY, 'content_filter', ...DELIVERIES]) {
    const value = service.valueOf(name)
    const address = smtpDoorAt(name, value, postfix)
    if (address === undefined) continue
    const passes = ok(service.placeOf(name), `passes mail to ${address}, where onescand listens`)
    const found = marked(passes, 'onescand acts on mail')
    const transport = name === PROXY ? undefined : postfix.transports.get(value.replace(/:.*/s, ''))
    return [
      found,
      ...checkTimeLimit(service, name, value, postfix),
      ...(transport === undefined ? [] : checkTransport(transport, postfix)),
      ...(name === 'content_filter'
        ? returnServices(postfix).flatMap((back) => checkCopies(service, back, postfix))
        : []),
    ]
  }
  return undefined
}

/**
 * Returns the address of onescand that the value of such a parameter refers to. The value is
 * `scan:[127.0.0.1]:10025` or `lmtp:unix:/PATH`, a transport and its destination; that of smtpd_proxy_filter
 * is without a transport.
 */
function smtpDoorAt(
  name: string,
  value: string,
  { endpoints, queue }: Postfix,
): string | undefined {
  const destination = name === PROXY ? value : value.slice(value.indexOf(':') + 1)
  const place = destination.replace(/\[([^\]:]*)\]/, '$1')
  const address = /^(unix|inet):/.test(place) ? place : `inet:${place}`
  return matchAddress(address, endpoints.smtp, queue)
}

/** Returns check lines whether Postfix waits long enough for the filter that this parameter names. */
function checkTimeLimit(
  service: SmtpdService,
  name: string,
  value: string,
  { main, set, transports, scanSeconds }: Postfix,
): CheckLine[] {
  const transport = transports.get(value.replace(/:.*/s, ''))
  const limit = name === PROXY ? 'smtpd_proxy_timeout' : TIME_LIMITS[transport?.program ?? '']
  if (limit === undefined) return []
  const place = `${(name === PROXY ? service : transport!).name}/${limit}`
  const time = set.get(place) ?? main[limit] ?? ''
  if ((parseDuration(time) ?? Number.POSITIVE_INFINITY) > scanSeconds) return []
  const enough = setting(place, `${proxyTimeout(scanSeconds)}s`)
  return [warning(place, tooEarly(time, scanSeconds), enough)]
}

/** Returns whether a delivery or a filter of main.cf passes mail to onescand over SMTP. */
export const isFilteredBySmtp = (postfix: Postfix): boolean =>
  ['content_filter', ...DELIVERIES].some(
    (name) => smtpDoorAt(name, postfix.main[name] ?? '', postfix) !== undefined,
  )

/** Returns the parameter that makes a service pass mail to another filter, such as amavis. */
export const foreignFilter = (service: SmtpdService): string | undefined =>
  [PROXY, 'content_filter'].find((name) => service.valueOf(name) !== '')

/** Returns the services that take mail back from onescand. */
export const returnServices = ({ services, endpoints }: Postfix) =>
  services.filter(({ name }) => {
    const [, port] = /(?:^|:)(\d+)\/inet$/.exec(name) ?? []
    return endpoints.smtp.some(({ route }) => {
      const behind = route?.next.options ?? {}
      return 'port' in behind && behind.port === Number(port)
    })
  })

/**
 * Returns check lines about a service that takes mail back from onescand: it must not pass the mail to onescand
 * again, and must leave it unchanged.
 */
export function checkReturn(service: SmtpdService, postfix: Postfix): CheckLine[] {
  const loops = ['content_filter', PROXY].flatMap((name) => {
    const value = service.valueOf(name)
    if (smtpDoorAt(name, value, postfix) === undefined) return []
    const reason = `has ${name} = ${value}: mail that returns from onescand is sent to it again, in a loop`
    return [failure(service.name, reason, setting(`${service.name}/${name}`, ''))]
  })
  return [...loops, ...checkReturnService(service)]
}
