import { join } from 'node:path'
import { type CheckLine, failure, marked, ok, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { isLoopbackHost } from '../../../../base/net/server-address.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { parseDuration } from '../../../../base/text/units.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import { isListening } from '../../host/open-ports.ts'
import { checkCopies, checkReturnService, checkTransport } from './filter-parameters.ts'
import { matchAddress, proxyTimeout } from './onescand-endpoints.ts'
import { type Postfix, type SmtpdService, setting, tooEarly } from './postconf.ts'
import { portHere } from './unreachable-milter.ts'

/** The filter before the queue. */
export const PROXY = 'smtpd_proxy_filter'
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
    return [
      found,
      ...checkTimeLimit(service, name, value, postfix),
      ...(name === PROXY ? [] : checkTransport(transportIn(value), postfix)),
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
  return matchAddress(destinationOf(name, value), endpoints.smtp, queue)
}

/** Returns the destination in such a value, as the address of a milter. */
function destinationOf(name: string, value: string): string {
  const destination = name === PROXY ? value : value.slice(value.indexOf(':') + 1)
  const place = destination.replace(/\[([^\]:]*)\]/, '$1')
  return /^(unix|inet):/.test(place) ? place : `inet:${place}`
}

/** Returns a check line about a filter of the service at a port of this host where nothing listens. */
export function silentFilter(service: SmtpdService, postfix: Postfix): CheckLine[] | undefined {
  for (const name of [PROXY, 'content_filter']) {
    const value = service.valueOf(name)
    const port = value === '' ? undefined : portHere(destinationOf(name, value))
    if (port === undefined || isListening(port)) continue
    const reason = `is ${value}, where nothing listens: Postfix defers the mail of ${service.name}`
    return [failure(service.placeOf(name), reason, toListener(service, name, port, postfix))]
  }
  return undefined
}

/** Returns the remedy: onescand has another port, or none. */
function toListener(service: SmtpdService, name: string, port: number, postfix: Postfix): string {
  const [door] = postfix.endpoints.smtp.flatMap(({ at }) => (at.kind === 'tcp' ? [at.port] : []))
  const value = service.valueOf(name)
  const other = service.toSet(name, value.slice(0, value.lastIndexOf(':') + 1) + door)
  if (door !== undefined && name === PROXY) return other
  const options = `--smtp inet:127.0.0.1:${port} --next inet:127.0.0.1:PORT${name === PROXY ? '' : ' --after-queue'}`
  const adds = `add ${options} to ONESCAND_OPTIONS, with the port of the service in master.cf that takes mail back,`
  const change = door === undefined ? inSettingsOf({ isDaemon: true }, adds) : other
  return `if this filter is onescand, ${change}; if not, start the filter`
}

/**
 * Returns the command with which a service passes its mail to onescand as another one does that has a proxy filter, or as one
 * did: a service is there that takes mail back.
 */
export function asBehindProxy(service: SmtpdService, postfix: Postfix): string | undefined {
  const [other] = servicesWith(PROXY, postfix)
  if (other === undefined) return asFirstBehindProxy(service, postfix)
  const words = [...postfix.set].flatMap(([place, value]) =>
    place.startsWith(`${other}smtpd_proxy_`)
      ? [shellWord(`${service.name}/${place.slice(other.length)}=${value}`)]
      : [],
  )
  return `postconf -P ${words.join(' ')} && postfix reload`
}

function asFirstBehindProxy(service: SmtpdService, postfix: Postfix): string | undefined {
  const { endpoints, scanSeconds } = postfix
  const [door] = endpoints.smtp.flatMap(({ at }) => (at.kind === 'tcp' ? [at] : []))
  const isAfterQueue =
    isFilteredBySmtp(postfix) || servicesWith('content_filter', postfix).length > 0
  if (door === undefined || isAfterQueue || returnServices(postfix).length === 0) return undefined
  const words = [
    `${PROXY}=${door.host}:${door.port}`,
    `smtpd_proxy_timeout=${timeLimit(scanSeconds)}`,
  ]
  return `postconf -P ${words.map((word) => shellWord(`${service.name}/${word}`)).join(' ')} && postfix reload`
}

/** Returns the services of master.cf, as `smtp/inet/`, that pass mail to onescand by a parameter of their own. */
const servicesWith = (name: string, postfix: Postfix): string[] =>
  [...postfix.set].flatMap(([place, value]) =>
    place.endsWith(`/${name}`) && smtpDoorAt(name, value, postfix) !== undefined
      ? [place.slice(0, -name.length)]
      : [],
  )

/** As main.cf writes it: `900s`. */
const timeLimit = (scanSeconds: number) => String(proxyTimeout(scanSeconds)).concat('s')

/** Returns the line of master.cf that a value names: `scan/unix`. */
const transportIn = (value: string) => value.replace(/:.*/s, '').concat('/unix')

/** Returns check lines whether Postfix waits long enough for the filter that this parameter names. */
function checkTimeLimit(
  service: SmtpdService,
  name: string,
  value: string,
  { main, set, programs, scanSeconds }: Postfix,
): CheckLine[] {
  const transport = transportIn(value)
  const limit = name === PROXY ? 'smtpd_proxy_timeout' : TIME_LIMITS[programs.get(transport) ?? '']
  if (limit === undefined) return []
  const place = `${name === PROXY ? service.name : transport}/${limit}`
  const time = set.get(place) ?? main[limit] ?? ''
  if ((parseDuration(time) ?? Number.POSITIVE_INFINITY) > scanSeconds) return []
  const enough = setting(place, timeLimit(scanSeconds))
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

/** The lines for master.cf, of which those of the service that takes mail back are the end. */
const EXAMPLE = '/usr/share/onescan/examples/postfix/postfix-before-queue.cf'

/** Returns a check line if Postfix does not listen where onescand, to which it passes mail, passes that on. */
export function checkReturnExists(postfix: Postfix): CheckLine[] {
  const { endpoints, services, main } = postfix
  const used = services.flatMap(
    (service) => smtpDoorAt(PROXY, service.valueOf(PROXY), postfix) ?? [],
  )
  const ports = endpoints.smtp.flatMap(({ address, route }) => {
    const { host = '', port = 0 } = { ...route?.next.options } as { host?: string; port?: number }
    return used.includes(address) && isLoopbackHost(host) && !isListening(port) ? [port] : []
  })
  const [port] = ports
  if (port === undefined || returnServices(postfix).length > 0) return []
  const file = join(main.config_directory ?? '/etc/postfix', 'master.cf')
  const lines = String(attempt(() => readOwnFile(file)) ?? '').split('\n')
  const value = `has no service at port ${port} of 127.0.0.1, to which onescand passes mail: Postfix defers all mail`
  const off = lines.findIndex(
    (line) => /^#[# \t]*[\w.]+:(\d+)[ \t]+inet[ \t]/.exec(line)?.[1] === String(port),
  )
  const place = shellWord(file)
  const adds =
    off >= 0 && /^[ \t]+-o/.test(lines[off + 1] ?? '')
      ? `sed -i '${off + 1}{s/^[# \\t]*//}' ${place}`
      : `sed -n '/^127/,$s/^127[^ ]*/127.0.0.1:${port}/;/^127/,$p' ${EXAMPLE} >>${place}`
  return [failure('master.cf', value, `${adds} && postfix reload`)]
}

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
