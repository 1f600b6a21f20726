import { readlinkSync, statSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { type CheckLine, failure, warning } from '../../../../base/check/check-line.ts'
import { attempt, errorText } from '../../../../base/errors/fault.ts'
import { ownAddresses } from '../../../../base/net/own-addresses.ts'
import { hostOf, isLoopbackHost } from '../../../../base/net/server-address.ts'
import { commandToOpen } from '../../../../base/path/command-to-open.ts'
import { ProcEntry } from '../../../../base/process/proc-entry.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { largestScanned } from '../../../readiness/clamd/agreeing-limits.ts'
import { findPostfix } from '../../host/running-services.ts'
import {
  POSTCONF,
  type Postfix,
  type PostfixHost,
  readPostfix,
  type SmtpdService,
  setting,
} from './postconf.ts'
import { checkPostfixFiles, howToStartPostfix } from './postfix-files.ts'
import {
  checkReturn,
  checkReturnExists,
  checkSmtpFilter,
  returnServices,
  silentFilter,
} from './postfix-filter.ts'
import {
  checkLocalMail,
  checkMilterMaps,
  checkMilters,
  checkMiltersBeside,
} from './postfix-milter.ts'
import { checkPolicyServers, checkRefusesOthers } from './postfix-policy.ts'
import { checkQuotaDomains } from './postfix-quota.ts'
import { checkTables, checkUsable } from './postfix-reading.ts'
import { checkQueueRoom } from './queue-room.ts'

/**
 * Resolves to check lines about settings of this host's Postfix that a test mail cannot show. These are the
 * handling of mail while onescand cannot be reached, time limits, services without a filter, and the route
 * back. They come from postconf(1). Nothing is sent. A remedy only adds a value, or sets one that it states.
 */
export async function checkPostfix(host: PostfixHost): Promise<CheckLine[]> {
  let postfix: Postfix
  try {
    postfix = await readPostfix(host)
  } catch (error) {
    return [unasked(error)]
  }
  const ended = await checkUsable(postfix)
  if (ended.length > 0) return ended
  const strangers = postfix.services.filter(acceptsFromOutside)
  return once([
    // What keeps Postfix from running comes before that it does not.
    ...checkPostfixFiles(postfix),
    ...checkInterfaces(postfix),
    ...checkRuns(postfix),
    ...checkMasterRead(postfix),
    ...strangers.flatMap((service) => checkService(service, postfix)),
    ...strangers.flatMap((service) => checkPolicyServers(service, postfix)),
    ...strangers.flatMap((service) => checkRefusesOthers(service, postfix)),
    ...strangers.flatMap(checkSoftBounce),
    ...returnServices(postfix).flatMap((service) => checkReturn(service, postfix)),
    ...checkReturnExists(postfix),
    ...(await checkMilterMaps(postfix)),
    ...(await checkTables(postfix)),
    ...checkMain(postfix),
    ...checkSizeLimit(postfix),
    ...checkRoom(postfix),
    ...(await checkQuotaDomains(postfix)),
    ...(await checkInstances(postfix)),
    ...checkPostscreen(postfix),
    ...checkCleanup(postfix),
    ...checkAcceptsMail(postfix),
  ])
}

/** A reload ends qmgr(8), which master(8) starts again: that is when it has read master.cf. */
const MANAGER = 'qmgr'
/** Milliseconds: the kernel reports the time of its boot in seconds. */
const CLOCK = 2000

/** Warns if master.cf has changed since Postfix read it, as far as the processes of this host show that to root. */
export function checkMasterRead(
  { main, queue }: Pick<Postfix, 'main' | 'queue'>,
  processes: readonly ProcEntry[] = attempt(() => ProcEntry.all()) ?? [],
): CheckLine[] {
  const own = new ProcEntry('self').numbers()
  const starts = processes
    .filter((found) => found.status()?.name === MANAGER && found.numbers() === own)
    .filter((found) => attempt(() => readlinkSync(found.at('cwd'))) === queue)
    .flatMap((found) => attempt(() => found.startedAt()) ?? [])
  const file = join(main.config_directory ?? '/etc/postfix', 'master.cf')
  const changed = attempt(() => statSync(file).mtimeMs) ?? 0
  if (starts.length === 0 || changed <= Math.max(...starts) + CLOCK) return []
  const value = `${shellWord(file)} has changed since Postfix read it, so what runs is not what this check reads`
  return [warning('master.cf', value, 'postfix reload')]
}

/** The name under which smtpd(8) finds cleanup(8), unless a service needs other settings. */
const CLEANUP = 'cleanup'

function checkCleanup({ services, programs }: Postfix): CheckLine[] {
  return services.flatMap((service) => {
    const name = service.valueOf('cleanup_service_name')
    if (name === '' || name === CLEANUP || programs.has(`${name}/unix`)) return []
    const value = `is ${name}, and master.cf has no such service: Postfix does not answer there`
    const adds = `postconf -M ${shellWord(`${name}/unix=${name} unix n - y - 0 ${CLEANUP}`)}`
    return [failure(service.placeOf('cleanup_service_name'), value, `${adds} && postfix reload`)]
  })
}

/** postscreen(8) passes the clients that it lets in to another service. */
function checkPostscreen({ main, set, programs }: Postfix): CheckLine[] {
  return [...programs].flatMap(([line, program]) => {
    if (program !== 'postscreen') return []
    const name = 'smtpd_service_name'
    const next = set.get(`${line}/${name}`) ?? main[name] ?? 'smtpd'
    if (programs.has(`${next}/pass`)) return []
    const value = `runs postscreen, and master.cf has no service ${next} of type pass that takes its mail: Postfix accepts none there`
    const service = shellWord(`${next}/pass=${next} pass - - y - - smtpd`)
    return [failure(line, value, `postconf -M ${service} && postfix reload`)]
  })
}

/** Without such a line nothing listens at port 25, and Postfix does not report it. */
function checkAcceptsMail({ services, programs }: Postfix): CheckLine[] {
  if (services.length > 0 || [...programs.values()].includes('postscreen')) return []
  const value = 'has no line with smtpd: Postfix accepts no mail over SMTP'
  return [warning('master.cf', value, setsService)]
}

/** As Debian has it. */
const setsService = "postconf -M smtp/inet='smtp inet n - y - - smtpd' && postfix reload"

const isError = ({ level }: CheckLine) => level === 'error'

/** Resolves to a line for each further instance of Postfix that has a problem: postmulti(1). */
async function checkInstances({ main, ...host }: Postfix): Promise<CheckLine[]> {
  const directories = (main.multi_instance_directories ?? '').split(/[\s,]+/).filter(Boolean)
  const checkLines = directories.map(async (directory): Promise<CheckLine[]> => {
    const other = await checkPostfix({ ...host, directory })
    const worst = other.find(isError) ?? other.find((line) => line.level === 'warning')
    if (worst === undefined) return []
    // (The remedy of the line itself is typed for the first instance.)
    const name = shellWord(directory)
    const remedy = `run onescan check --postfix ${name}; in its remedies, give postconf and postfix -c ${name}`
    const what = `Postfix in ${directory}`
    return [{ level: worst.level, what, value: `${worst.what}: ${worst.value}`, remedy }]
  })
  return (await Promise.all(checkLines)).flat()
}

/** Returns a check line with postconf's own error message, without details about how it was started. */
function unasked(error: unknown): CheckLine {
  const complaint = errorText(error).split('\n').at(-1)!
  const [, foreign] = /inet_interfaces: no local interface found for (\S+)/.exec(complaint) ?? []
  if (foreign !== undefined) return foreignInterface(foreign, {})
  const [, closed] = /open (\/\S+): Permission denied/.exec(complaint) ?? []
  const remedy =
    closed === undefined
      ? `run ${POSTCONF} >/dev/null, and fix the error that it reports`
      : commandToOpen(closed)
  return failure('Postfix', `postconf fails: ${complaint}`, remedy)
}

/** Removes repeated check lines: several services, and local mail, may share a setting of main.cf. */
const once = (checkLines: readonly CheckLine[]) =>
  checkLines.filter(
    ({ what, value }, at) =>
      at === checkLines.findIndex((other) => other.what === what && other.value === value),
  )

/**
 * Returns whether it is not a service of the loopback address, which takes mail back from a filter:
 * FILTER_README.
 */
const acceptsFromOutside = ({ name }: SmtpdService) => !isLoopbackHost(hostOf(name))

/** Returns check lines whether this service's mail reaches onescand, and with which settings. */
function checkService(service: SmtpdService, postfix: Postfix): CheckLine[] {
  const filter = checkSmtpFilter(service, postfix) ?? silentFilter(service, postfix)
  if (filter === undefined) return checkMilters(service, postfix)
  return [...filter, ...checkMiltersBeside(service, postfix)]
}

function checkMain(postfix: Postfix): CheckLine[] {
  const { main, programs } = postfix
  const checkLines: CheckLine[] = []
  const [transport] = (main.content_filter ?? '').split(':')
  if (transport && !programs.has(`${transport}/unix`)) {
    const value = `is ${main.content_filter}, and master.cf has no transport ${transport}, so all mail is deferred`
    const remedy = `add the transport ${transport} to master.cf as doc/postfix.md shows, then run postfix reload`
    checkLines.push(failure('content_filter', value, remedy))
  }
  checkLines.push(...checkLocalMail(postfix))
  const limit = main.smtp_line_length_limit ?? '998'
  if (limit !== '0' && postfix.makesStamps) {
    const value = `is ${limit}, so Postfix folds longer lines when it sends mail, which breaks the stamp`
    const remedy = setting('smtp_line_length_limit', '0')
    checkLines.push(warning('smtp_line_length_limit', value, remedy))
  }
  return checkLines
}

/** Mail of this size has room for what onescan adds, as Debian's limits of clamd have for 25000000 bytes. */
const SHARE = 1000 ** 2 / 1024 ** 2

/** The largest message in bytes that Postfix accepts by default: postconf(5). */
const DEFAULT_SIZE = 10_240_000

/** Postfix accepts mail that onescan then defers, until it bounces. */
function checkSizeLimit({ main, settings }: Postfix): CheckLine[] {
  const largest = largestScanned(settings)
  const what = 'message_size_limit'
  const limit = Number(main[what])
  if (largest === undefined || Number.isNaN(limit) || (limit > 0 && limit <= largest.bytes))
    return []
  const remedy =
    largest.bytes >= DEFAULT_SIZE
      ? setting(what, String(Math.floor(largest.bytes * SHARE)))
      : `raise ${largest.name}: Postfix itself accepts ${DEFAULT_SIZE} bytes by default`
  const value = `is ${limit === 0 ? '0 (unlimited)' : limit}, and clamd scans messages of at most ${largest.bytes} bytes (${largest.name}): larger mail is deferred until it bounces`
  return [warning(what, value, remedy)]
}

/** Postfix defers all mail without room for one and a half of its largest messages, and for queue_minfree: postconf(5). */
const ROOM_FOR_LARGEST = 1.5

function checkRoom({ main, queue }: Postfix): CheckLine[] {
  const { queue_minfree: least, message_size_limit: largest } = main
  const lower = 'postconf -X queue_minfree && postfix reload'
  return checkQueueRoom('Postfix', queue, [
    { setting: 'queue_minfree', bytes: Number(least), lower },
    { setting: 'message_size_limit', bytes: Number(largest) * ROOM_FOR_LARGEST },
  ])
}

/** A setting for tests of Postfix, in which it refuses nothing. */
function checkSoftBounce(service: SmtpdService): CheckLine[] {
  const what = 'soft_bounce'
  if (service.valueOf(what) !== 'yes') return []
  const value = 'is yes, so Postfix defers mail that onescan refuses, and its senders try for days'
  return [warning(service.placeOf(what), value, service.toSet(what, 'no'))]
}

/** An address that this host does not have ends each program of Postfix. */
function checkInterfaces({ main }: Postfix): CheckLine[] {
  const own = ownAddresses()
  const words = (main.inet_interfaces ?? '').split(/[\s,]+/)
  const foreign = words.find((word) => {
    const address = word.replace(/^\[|\]$/g, '')
    return isIP(address) !== 0 && !own.includes(address)
  })
  return foreign === undefined ? [] : [foreignInterface(foreign, main)]
}

function foreignInterface(address: string, { inet_protocols: protocols = 'all' }: Postfix['main']) {
  const value = `has ${address}, which is not an address of this host, so Postfix delivers no mail`
  // Postfix does not find an address of a protocol that it does not use.
  const hasIpv6 = /\b(?:all|ipv6)\b/.test(protocols)
  const own = ownAddresses().filter((place) => hasIpv6 || isIP(place) === 4)
  const remedy = `set inet_interfaces to all, or to addresses of this host (${own.join(', ')}) in main.cf, then run ${howToStartPostfix('postfix stop; postfix start')}`
  return failure('inet_interfaces', value, remedy)
}

/** Checks whether Postfix runs, if this is the Postfix of the host. Only root sees that. */
function checkRuns({ directory, queue }: Postfix): CheckLine[] {
  const isRoot = process.getuid!() === 0
  if (directory !== '' || !isRoot || findPostfix().includes(queue)) return []
  return [
    failure('Postfix', 'is not running: no mail is delivered', howToStartPostfix('postfix start')),
  ]
}
