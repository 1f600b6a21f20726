import { type CheckLine, failure, warning } from '../../../../base/check/check-line.ts'
import { type Postfix, type SmtpdService, setting } from './postconf.ts'

/**
 * A parameter of main.cf that is useful for mail to and from other hosts, but harmful between Postfix and
 * onescand.
 */
interface Demand {
  /** The parameter, without smtp_, lmtp_ or smtpd_. */
  readonly name: string
  /** The values with which mail is passed on unchanged. */
  readonly harmless: RegExp
  /** The value that the example sets. */
  readonly wanted: string
  /** The effect of any other value, as text for people. */
  readonly does: string
  /** Whether it causes mail to be refused or not scanned. */
  readonly isGrave?: true
}

const NOTHING = /^$/
/** No bare `reject` follows restrictions that let in neither this host nor any client by its address. */
const LETS_ONESCAND_IN =
  /^(?!(?:(?:permit_sasl_authenticated|(?:reject|defer)_[a-z_]+)[\s,]+)*(?:reject|defer)(?:$|[\s,]))/
/** A network of this host or of all, or a table, a file or a parameter that may contain one. */
const MAY_HAVE_THIS_HOST = /^$|(?:^|[\s,])(?:127\.|0\.0\.0\.0\/0|\/)|:\/|\$/
/** All other clients are refused. */
const NETWORKS_ALONE = /^permit_mynetworks[\s,]+(?:reject|defer)(?:$|[\s,])/
const CHANGES = 'Postfix changes mail before it is scanned'
const REPEATS = 'checks made before the scan are repeated after it'

const ofBoth: readonly Demand[] = [
  {
    name: 'tls_security_level',
    harmless: /^(|none|may)$/,
    wanted: 'none',
    does: 'onescand does not support TLS there, so mail waits or is returned',
    isGrave: true,
  },
  {
    name: 'tls_wrappermode',
    harmless: /^(|no)$/,
    wanted: 'no',
    does: 'onescand does not support TLS there, so mail waits or is returned',
    isGrave: true,
  },
]

/** The client that passes mail to onescand. */
const ofClient: readonly Demand[] = [
  ...ofBoth,
  {
    name: 'tls_policy_maps',
    harmless: NOTHING,
    wanted: '',
    does: 'it may require TLS, which onescand does not support there',
  },
  {
    name: 'fallback_relay',
    harmless: NOTHING,
    wanted: '',
    does: 'mail goes there unscanned while onescand is down',
    isGrave: true,
  },
  {
    name: 'line_length_limit',
    harmless: /^0$/,
    wanted: '0',
    does: 'Postfix folds longer lines before they are scanned, which breaks DKIM signatures',
  },
  ...['generic_maps', 'header_checks', 'mime_header_checks', 'nested_header_checks', 'body_checks'].map(
    (name) => ({ name, harmless: NOTHING, wanted: '', does: CHANGES }),
  ),
] // biome-ignore format: a table

/** The service that takes mail back from onescand. */
const ofReturn: readonly Demand[] = [
  ...ofBoth,
  {
    name: 'upstream_proxy_protocol',
    harmless: NOTHING,
    wanted: '',
    does: 'onescand does not support it, so mail waits',
    isGrave: true,
  },
  ...['client', 'helo', 'sender', 'data', 'end_of_data'].map((step) => ({
    name: `${step}_restrictions`,
    harmless: /^(|permit_mynetworks\b.*)$/,
    wanted: '',
    does: REPEATS,
  })),
  ...['relay', 'recipient'].map((step) => ({
    name: `${step}_restrictions`,
    harmless: LETS_ONESCAND_IN,
    wanted: 'permit_mynetworks, reject',
    does: 'mail that onescand passes back is refused',
    isGrave: true as const,
  })),
  { name: 'command_filter', harmless: NOTHING, wanted: '', does: REPEATS },
]

/** Returns check lines about changes that the transport to onescand, a line of master.cf, makes to mail. */
export function checkTransport(transport: string, { main, set, programs }: Postfix): CheckLine[] {
  const program = programs.get(transport)
  return (program === undefined ? [] : ofClient).flatMap((demand) => {
    const parameter = `${program}_${demand.name}`
    const place = `${transport}/${parameter}`
    return judge(demand, place, set.get(place) ?? main[parameter] ?? '')
  })
}

/** Returns check lines about a service that takes mail back from onescand. */
export function checkReturnService(service: SmtpdService): CheckLine[] {
  const networks = service.valueOf('mynetworks')
  const letsIn = ['relay', 'recipient'].map((step) => service.valueOf(`smtpd_${step}_restrictions`))
  const isKnown =
    MAY_HAVE_THIS_HOST.test(networks) || !letsIn.some((list) => NETWORKS_ALONE.test(list))
  const value = `is ${networks}, and not 127.0.0.1: mail that onescand passes back is refused`
  const place = `${service.name}/mynetworks`
  return [
    ...(isKnown ? [] : [failure(place, value, setting(place, '127.0.0.0/8'))]),
    ...ofReturn.flatMap((demand) => {
      const parameter = `smtpd_${demand.name}`
      return judge(demand, `${service.name}/${parameter}`, service.valueOf(parameter))
    }),
  ]
}

function judge(
  { harmless, wanted, does, isGrave }: Demand,
  place: string,
  value: string,
): CheckLine[] {
  if (harmless.test(value)) return []
  const level = isGrave ? failure : warning
  return [level(place, `${value}: ${does}`, setting(place, wanted))]
}

/** The parameters that make Postfix copy mail to another recipient. */
const COPIES = ['always_bcc', 'sender_bcc_maps', 'recipient_bcc_maps']
const OPTIONS = 'receive_override_options'

/**
 * Returns check lines if copies are made before the scan, by a service that passes mail to onescand, and again
 * after it.
 */
export function checkCopies(
  service: SmtpdService,
  back: SmtpdService,
  postfix: Postfix,
): CheckLine[] {
  const copies = COPIES.filter((name) => postfix.main[name])
  const mapsNothing = [service, back].some((smtpd) =>
    /no_address_mappings/.test(smtpd.valueOf(OPTIONS)),
  )
  if (copies.length === 0 || mapsNothing) return []
  const value = service.valueOf(OPTIONS)
  const words = [...value.split(/[\s,]+/), 'no_address_mappings'].filter((word) => word !== '')
  const reason = `is ${value || 'not set'}, so each copy of ${copies.join(', ')} is sent twice, before and after the scan`
  return [warning(service.placeOf(OPTIONS), reason, service.toSet(OPTIONS, words.join(', ')))]
}
