import { statSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, failure, following, marked } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { isLoopbackHost, parseServerAddress, pathIn } from '../../../../base/net/server-address.ts'
import { pathExists } from '../../../../base/path/path-handle.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import {
  type Accounts,
  findAccount,
  groupName,
  joinGroup,
  obstacle,
  type SystemAccount,
} from '../../../readiness/host/account.ts'
import { inSettingsOf } from '../../../readiness/host/checked-host.ts'
import { isListening } from '../../host/open-ports.ts'
import { askSystemd } from '../../host/systemd-unit.ts'
import { listenRemedy, PACKAGE_SOCKETS } from '../services/lost-sockets.ts'
import { howToStart, newSocket } from '../services/service-state.ts'
import { lineThatSets, withoutOptions } from '../services/unit-lines.ts'
import { matchAddress } from './onescand-endpoints.ts'
import {
  inPostfix,
  type MilterEntry,
  type Postfix,
  type SmtpdService,
  settings,
  splitMilters,
  whileDown,
} from './postconf.ts'

/** The remedy if the configuration of a mail server does not show whether its mail is scanned. */
export const SHOWN_BY_MAIL = 'run onescan check --mail ADDRESS, which shows whether mail is scanned'

/**
 * Returns whether the path exists. Root checks this, because every directory is open to root. It never waits
 * for a user's file system.
 */
export const mayExist = (path: string): boolean => attempt(() => pathExists(path)) ?? true

/**
 * Returns a check line why Postfix cannot reach this milter, as far as files show, or undefined if none does.
 */
export function unreachable(
  service: SmtpdService,
  milter: MilterEntry,
  postfix: Postfix,
): CheckLine | undefined {
  const { queue, endpoints } = postfix
  const what = `milter ${milter.text}`
  const action = milter.options.default_action ?? service.valueOf('milter_default_action')
  const meanwhile = whileDown(action)
  const path = pathFor(service, milter.text, queue)
  if (path === undefined) {
    const isOurs =
      !endpoints.isRunning && matchAddress(milter.text, endpoints.milters, queue) !== undefined
    const port = portHere(milter.text)
    if (!isOurs && (port === undefined || isListening(port))) return undefined
    const value = `nothing listens there: ${meanwhile}`
    return isOurs
      ? notRunning(what, value)
      : marked(failure(what, value, listenerRemedy(service, milter, postfix)), 'nothing listens')
  }
  if (isOfMovedQueue(path, milter, postfix)) {
    const value = `${queue} is queue_directory, and onescand listens in ${QUEUE}: ${meanwhile}`
    return failure(what, value, atPort(service, milter, postfix))
  }
  const fault = postfix.lost.get(path)
  if (fault !== undefined) return failure(what, `${fault.reason}: ${meanwhile}`, fault.remedy)
  if (!mayExist(path)) return missing(service, milter, path, { what, meanwhile }, postfix)
  const account = findAccount(postfix.accounts, postfix.main.mail_owner ?? 'postfix', 'all')
  const barrier = account && obstacle(account, path, 'write')
  if (account === undefined || barrier === undefined) return undefined
  const denied = `${account.name} may not connect to ${path}`
  // systemd sets the owner and mode of the socket when it creates it.
  const unit = barrier === path ? PACKAGE_SOCKETS[path]?.unit : undefined
  if (unit === undefined)
    return failure(what, `${denied}: ${meanwhile}`, wayPast(barrier, account, postfix.accounts))
  const line = lineThatSets(unit, ...OWNERSHIP)
  if (line === undefined) return failure(what, `${denied}: ${meanwhile}`, newSocket(unit))
  const value = `${denied}, because of ${line.text}: ${meanwhile}`
  return failure(what, value, withoutOptions(line, newSocket(unit), ...OWNERSHIP))
}

/** The options of a unit that set who may connect to a socket: systemd.socket(5). */
const OWNERSHIP = ['SocketMode', 'SocketUser', 'SocketGroup']

/** The queue directory in which the units of the package listen. */
const QUEUE = '/var/spool/postfix'

/** Returns whether it is the socket of the package, by its name, in a queue directory that the units do not know. */
const isOfMovedQueue = (path: string, { text }: MilterEntry, { queue, endpoints }: Postfix) =>
  queue !== QUEUE &&
  PACKAGE_SOCKETS[path.replace(queue, QUEUE)] !== undefined &&
  matchAddress(text, endpoints.milters, queue) === undefined

/** The socket with the port, which is the same for each queue directory. */
const PORT_UNIT = 'onescan-milter.socket'

/** Returns the command that lets systemd listen for a milter at a port. */
function listensAtPort(): string {
  const directory = `/etc/systemd/system/${PORT_UNIT}.d`
  const listens = `mkdir -p ${directory} && printf '[Socket]\\nListenStream=${PORT}\\n' >${directory}/port.conf && systemctl daemon-reload`
  return `${listens} && ${newSocket(PORT_UNIT)}`
}

/** Returns the command that makes a milter of onescan be at a port. */
const atPort = (service: SmtpdService, { written }: MilterEntry, { main }: Postfix): string =>
  `${listensAtPort()} && ${atAddress(service, written, `inet:${PORT}`, main)}`

/** Returns the command that adds onescand at a port, if its units do not listen in the queue directory of this Postfix. */
export function addedAtPort(service: SmtpdService, postfix: Postfix): string | undefined {
  const { main, queue } = postfix
  const isMoved = queue !== QUEUE && withinReach(service, postfix) === USUAL_MILTER
  if (!isMoved || askSystemd(PORT_UNIT) === undefined) return undefined
  const milter = `{ inet:${PORT}, default_action=tempfail }`
  const adds = (list: string) => (list === '' ? milter : `${list}, ${milter}`)
  const own = adds(service.valueOf('smtpd_milters'))
  const isForAll = service.placeOf('smtpd_milters') === 'smtpd_milters'
  const set = isForAll
    ? settings({ smtpd_milters: own, non_smtpd_milters: adds(main.non_smtpd_milters ?? '') })
    : service.toSet('smtpd_milters', own)
  return `${listensAtPort()} && ${set}`
}

/** The port for milters in the documentation. */
const PORT = '127.0.0.1:8890'

/** Returns the remedy for an account of Postfix that a directory or the socket itself denies access. */
function wayPast(barrier: string, account: SystemAccount, accounts: Accounts): string {
  const command = joinGroup(account, accounts, barrier)
  if (command !== undefined) return `${command} && postfix reload`
  if (attempt(() => statSync(barrier))?.isDirectory()) return `chmod o+x ${shellWord(barrier)}`
  return inOptions(`--mode 0660 --group ${groupName(accounts, account.groups[0]!)}`)
}

/** Returns the remedy that adds options of onescand. */
const inOptions = (options: string) =>
  inSettingsOf({ isDaemon: true }, `add ${options} to ONESCAND_OPTIONS`)

const notRunning = (what: string, value: string): CheckLine => {
  return following(failure(what, value, howToStart('onescand')), 'stops the start')
}

/** Returns the path of a socket as Postfix's programs see it, or undefined for a port. */
export function pathFor(
  { isChrooted }: SmtpdService,
  text: string,
  queue: string,
): string | undefined {
  const path = pathIn(text)
  if (path === undefined) return undefined
  return isChrooted || !path.startsWith('/') ? join(queue, path) : path
}

function missing(
  service: SmtpdService,
  { text, written }: MilterEntry,
  path: string,
  { what, meanwhile }: { readonly what: string; readonly meanwhile: string },
  postfix: Postfix,
): CheckLine {
  const { endpoints, queue } = postfix
  const name = (address: string) =>
    atAddress(service, written, inPostfix(address, postfix), postfix.main)
  const outside = pathIn(text) ?? ''
  if (outside.startsWith('/') && path !== outside && mayExist(outside)) {
    const value = `smtpd cannot reach it: it runs in ${queue}, where ${outside} is ${path}: ${meanwhile}`
    if (outside.startsWith(`${queue}/`)) return failure(what, value, name(`unix:${outside}`))
    const inside = `${queue}/onescan/milter.sock`
    const ofPackage = PACKAGE_SOCKETS[inside]?.unit
    const socket = ofPackage === undefined ? undefined : askSystemd(ofPackage)
    const listens =
      ofPackage === undefined || socket === undefined
        ? `${inOptions(`--milter unix:${shellWord(inside)}`)}, then`
        : `${listenRemedy(ofPackage, socket)} &&`
    return failure(what, value, `${listens} ${name(`unix:${inside}`)}`)
  }
  const value = `${path} does not exist: ${meanwhile}`
  if (!endpoints.isRunning) return notRunning(what, value)
  const remedy = listenerRemedy(service, { text: `unix:${path}`, written }, postfix)
  return marked(failure(what, value, remedy), 'nothing listens')
}

/** The address of onescand for Postfix in its documentation. */
export const USUAL_MILTER = 'unix:onescan/milter.sock'

/** A milter of onescand that a service reaches: from its chroot, a path below the queue directory or a port. */
export function withinReach({ isChrooted }: SmtpdService, postfix: Postfix): string {
  const { endpoints, queue } = postfix
  const { milters } = endpoints
  const inQueue = milters.find(({ at }) => at.kind === 'unix' && at.path.startsWith(`${queue}/`))
  const other = milters.find(({ at }) => !isChrooted || at.kind !== 'unix')
  return inPostfix((inQueue ?? other)?.address ?? USUAL_MILTER, postfix)
}

/** Returns the remedy for a milter address at which no process listens. */
function listenerRemedy(
  service: SmtpdService,
  { text, written }: Pick<MilterEntry, 'text' | 'written'>,
  postfix: Postfix,
): string {
  const { milters } = postfix.endpoints
  const place = service.placeOf('smtpd_milters')
  const list = service.valueOf('smtpd_milters')
  if (milters.length === 0) return inOptions(`--milter ${shellWord(text)}`)
  const start = `start the milter that should listen at ${text} (set in ${place})`
  const names = splitMilters(list).map((milter) => milter.text)
  if (names.some((name) => matchAddress(name, milters, postfix.queue) !== undefined)) return start
  const named = atAddress(service, written, withinReach(service, postfix), postfix.main)
  return `if this milter is onescand, ${named}; if not, ${start}, and run this check again: onescand is not in that list`
}

/**
 * Returns the command that gives a milter another address, also for the mail of local programs. Its options stay, as
 * default_action.
 */
function atAddress(
  service: SmtpdService,
  written: string,
  address: string,
  { non_smtpd_milters: local = '' }: Postfix['main'],
): string {
  const changed = written.replace(/\w+:[^\s,{}]+/, address)
  const rename = (list: string) => list.replace(written, changed)
  const own = rename(service.valueOf('smtpd_milters'))
  const isForAll = service.placeOf('smtpd_milters') === 'smtpd_milters'
  return isForAll && local.includes(written)
    ? settings({ smtpd_milters: own, non_smtpd_milters: rename(local) })
    : service.toSet('smtpd_milters', own)
}

/** The port of an address of this host's own: `inet:localhost:8890`. */
export function portHere(address: string): number | undefined {
  const place = parseServerAddress(address)
  return place?.kind === 'tcp' && isLoopbackHost(place.host) ? place.port : undefined
}
