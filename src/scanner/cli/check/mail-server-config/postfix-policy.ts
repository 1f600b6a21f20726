import { type CheckLine, failure, marked, warning } from '../../../../base/check/check-line.ts'
import { ownAddresses } from '../../../../base/net/own-addresses.ts'
import { isLoopbackHost } from '../../../../base/net/server-address.ts'
import { isListening, listenerAt } from '../../host/open-ports.ts'
import { type MilterEntry, type Postfix, type SmtpdService, splitMilters } from './postconf.ts'
import { mayExist, pathFor, portHere } from './unreachable-milter.ts'

/** The lists of restrictions that name policy servers: SMTPD_POLICY_README. */
const LISTS = ['client', 'helo', 'sender', 'relay', 'recipient', 'data', 'end_of_data', 'etrn'].map(
  (stage) => `smtpd_${stage}_restrictions`,
)
const NAMED = /check_policy_service[\s,]+(\{(?:[^{}]|\{[^{}]*\})*\}|[^\s,{}]+)/g

/** Returns check lines about the policy servers of a service that it cannot reach: by default Postfix then defers mail. */
export function checkPolicyServers(service: SmtpdService, postfix: Postfix): CheckLine[] {
  const classes = (postfix.main.smtpd_restriction_classes ?? '').split(/[\s,]+/).filter(Boolean)
  return [...LISTS, ...classes].flatMap((list) =>
    [...service.valueOf(list).matchAll(NAMED)].flatMap(([, text = '']) =>
      splitMilters(text).flatMap((server) => {
        const fault = faultOfServer(service, server, postfix)
        return fault === undefined ? [] : [unreachableServer(service, list, server, fault)]
      }),
    ),
  )
}

/** The networks of a host that has none but itself: loopback addresses, and its own. */
function isOfHostAlone(network: string): boolean {
  const address = network.replace(/\/\d+$/, '').replace(/^\[|\]$/g, '')
  return (
    isLoopbackHost(address) ||
    /^(?:127\.|::ffff:127\.)/.test(address) ||
    ownAddresses().includes(address)
  )
}

/**
 * Returns a check line if a service refuses the mail of all other hosts: by a bare `reject` after permit_mynetworks, with no
 * other network there. Test mail of this host does not meet it.
 */
export function checkRefusesOthers(service: SmtpdService, { main }: Postfix): CheckLine[] {
  const networks = (main.mynetworks ?? '').split(/[\s,]+/).filter(Boolean)
  const isOpen = (main.inet_interfaces ?? '')
    .split(/[\s,]+/)
    .some((word) => word !== 'loopback-only' && !isLoopbackHost(word.replace(/^\[|\]$/g, '')))
  if (!isOpen || !networks.every(isOfHostAlone)) return []
  const hasLogin = service.valueOf('smtpd_sasl_auth_enable') === 'yes'
  const letsNobodyIn = (word: string) =>
    /^(?:permit_mynetworks|(?:reject|defer)_[a-z_]+)$/.test(word) ||
    (word === 'permit_sasl_authenticated' && !hasLogin)
  return LISTS.filter((list) => !list.includes('etrn')).flatMap((list) => {
    const value = service.valueOf(list)
    const words = value.split(/[\s,]+/).filter(Boolean)
    const at = words.findIndex((word) => /^(?:reject|defer)$/.test(word))
    const before = words.slice(0, at)
    if (at < 0 || !before.includes('permit_mynetworks') || !before.every(letsNobodyIn)) return []
    const reason = `is ${value}: mail of all other hosts is refused, although test mail of this host is accepted`
    const changed = words.with(at, 'reject_unauth_destination').join(', ')
    return [warning(service.placeOf(list), reason, service.toSet(list, changed))]
  })
}

interface ServerFault {
  readonly reason: string
  /** The remedy, if it is known. */
  readonly remedy: string | undefined
}

function faultOfServer(
  service: SmtpdService,
  { text }: MilterEntry,
  { queue, programs, lost }: Postfix,
): ServerFault | undefined {
  const fault = (reason: string) => ({ reason, remedy: undefined })
  const path = pathFor(service, text, queue)
  if (path === undefined) {
    const port = portHere(text)
    return port === undefined || isListening(port) ? undefined : fault('nothing listens there')
  }
  const ofPackage = lost.get(path)
  if (ofPackage !== undefined) return ofPackage
  // master(8) starts it for a connection.
  if (programs.has(path.replace(`${queue}/private/`, '').concat('/unix'))) return undefined
  if (!mayExist(path)) return fault(`${path} does not exist`)
  return listenerAt(path) === 'nobody' ? fault(`nothing listens at ${path}`) : undefined
}

function unreachableServer(
  service: SmtpdService,
  list: string,
  { text, options }: MilterEntry,
  { reason, remedy }: ServerFault,
): CheckLine {
  const place = service.placeOf(list)
  const what = `check_policy_service ${text}`
  const action =
    options.default_action ?? (service.valueOf('smtpd_policy_service_default_action') || '451')
  const start =
    remedy ??
    `start the policy server that should listen at ${text}, or remove it from ${place} and run postfix reload`
  const checkLine = /^(?:4\d\d|defer)/i.test(action)
    ? failure(what, `${reason}: Postfix defers the mail for which it asks there`, start)
    : warning(what, `${reason}: Postfix answers ${action} instead`, start)
  return remedy === undefined ? marked(checkLine, 'nothing listens') : checkLine
}
