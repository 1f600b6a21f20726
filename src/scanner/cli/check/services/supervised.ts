import { closeSync, constants, openSync } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type CheckLine, failure, ok, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { readStart } from '../../../../base/path/open.ts'
import { PathHandle, pathExists } from '../../../../base/path/path-handle.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { isServed } from '../../host/open-ports.ts'
import { askSystemd, type SystemdUnit } from '../../host/systemd-unit.ts'
import { causeOfEnd, checkLogWriter, readScript } from './why-supervised-ends.ts'

/** The directories that daemontools and runit scan for services. */
export const SUPERVISED = [
  '/service',
  '/etc/service',
  '/var/service',
  '/etc/runit/runsvdir/current',
] as const
/** Where Life with qmail and others keep the services that are linked from there. */
const KEPT = ['/var/qmail/supervise', '/var/qmail/service', '/etc/sv'] as const
/** The run scripts of services that mail needs. */
const OF_MAIL = /\bqmail-(?:smtpd|qmtpd|qmqpd)\b|\bonescan/
/** Upper limit for the bytes read of supervise/status: 18 by daemontools, 20 by runit. */
const STATUS_MAX = 32
/** Milliseconds between two looks: supervise(8) starts a service at most once a second. */
const PAUSE = 1_500
/** Looks at a service that may be starting. */
const LOOKS = 3

/** The state of a service by supervise/status. */
interface Supervised {
  /** The time of its last start or end, as it is written: TAI64N. */
  readonly since: string
  readonly pid: number
  /** Whether supervise is to start it again. */
  readonly isWanted: boolean
}

/** The port before such a program in a run script, or before a program that starts it: a number or a name of services(5). */
const PORT = /\s(\d{2,5}|smtps?|submissions?|qm[tq]p)[\s\\]+(?=[^\s\\\d-])/g
const PORTS: Readonly<Record<string, number>> = {
  smtp: 25,
  smtps: 465,
  submissions: 465,
  submission: 587,
  qmtp: 209,
  qmqp: 628,
}

/**
 * Resolves to the check lines about services of mail that no supervise(8) or runsv(8) watches, that are down, that end as soon as they
 * are started, or that cannot log. A service that was stopped is in order if its file `down` shows that this is meant, or if
 * another program serves its port. Their state is root's alone: for other users there are none. `kept` are the directories from
 * which administrators link services.
 */
export async function checkSupervisors(
  places: readonly string[] = SUPERVISED,
  kept: readonly string[] = KEPT,
): Promise<CheckLine[]> {
  const services = onceEach(places.flatMap(pathsBelow)).filter(isOfMail)
  const all = onceEach([...services, ...kept.flatMap(pathsBelow).filter(isOfMail)])
  const unlinked = all.slice(services.length).flatMap((service) => checkLink(service, places))
  const checkLines = await Promise.all(services.map(checkSupervisor))
  const found = checkLines.filter((checkLine) => checkLine !== undefined)
  return [...found, ...services.flatMap(checkLog), ...unlinked]
}

const checkLog = (service: string): CheckLine[] =>
  checkLogWriter(service, superviseCommand('restart', `${service}/log`))

const isOfMail = (service: string): boolean => OF_MAIL.test(readScript(`${service}/run`))

/** Returns a warning about a service that is linked from none of the directories in which supervise(8) is started. */
function checkLink(service: string, places: readonly string[]): CheckLine[] {
  const place = places.find((path) => attempt(() => pathExists(path)))
  const script = readScript(`${service}/run`)
  if (place === undefined || portsIn(script).some(isServed)) return []
  const value = `is not started: no link in ${place} leads to it`
  return [warning(service, value, `ln -s ${shellWord(service)} ${shellWord(place)}/`)]
}

/** Returns check lines about the administrator's units that are to start a missing program of mail. */
export function checkMailUnits(
  place = '/etc/systemd/system',
  ask: (name: string) => Pick<SystemdUnit, 'enabled' | 'active'> | undefined = askSystemd,
): CheckLine[] {
  return pathsBelow(place).flatMap((file) => {
    const text = readScript(file)
    const [, program] = /^ExecStart=[-@:+!|]*(\/\S+)/m.exec(text) ?? []
    if (!/\.service$/.test(file) || !OF_MAIL.test(text) || program === undefined) return []
    if (attempt(() => pathExists(program)) ?? true) return []
    const unit = basename(file)
    const state = ask(unit)
    if (state === undefined || (state.enabled === 'disabled' && state.active === 'inactive'))
      return []
    const remedy = `install the package of ${shellWord(program)}, then run systemctl restart ${unit}`
    return [failure(unit, `cannot start: its program ${shellWord(program)} does not exist`, remedy)]
  })
}

/** Returns the first name of each directory: Debian's /service is a link to /etc/service. */
function onceEach(services: readonly string[]): string[] {
  const seen = new Set<string>()
  return services.filter((service) => {
    const inode = attempt(() =>
      PathHandle.with(service, ({ stats: { dev, ino } }) => `${dev} ${ino}`),
    )
    return seen.size < seen.add(inode ?? service).size
  })
}

async function checkSupervisor(service: string): Promise<CheckLine | undefined> {
  const script = readScript(`${service}/run`)
  const first = stateOf(service)
  if (first === undefined) return undefined
  if (!isWatched(service)) return failure(service, UNWATCHED, howToWatch())
  if (!first.isWanted && first.pid === 0) {
    if (attempt(() => pathExists(`${service}/down`)))
      return ok(service, 'is down, as its file "down" states')
    if (portsIn(script).some(isServed))
      return ok(service, 'is down, and another program serves its port')
    return warning(service, 'is down: it was stopped', superviseCommand('up', service))
  }
  const seen = [first]
  for (let look = 1; look < LOOKS; look++) {
    await setTimeout(PAUSE)
    seen.push(stateOf(service) ?? first)
  }
  const isDown = seen.every(({ pid }) => pid === 0)
  const isRestarted = new Set(seen.map(({ since }) => since)).size === LOOKS
  if (!isDown && !isRestarted) return undefined
  const run = shellWord(`${service}/run`)
  const mode = attempt(() => PathHandle.with(`${service}/run`, ({ stats }) => stats.mode)) ?? 0o111
  if ((mode & 0o111) === 0)
    return failure(service, 'cannot start: its file "run" is not executable', `chmod a+x ${run}`)
  const ends = 'exits right after each start'
  const restart = superviseCommand('restart', service)
  const { reason, remedy } = causeOfEnd(service, portsIn(script)) ?? {}
  if (remedy !== undefined) return failure(service, `${ends}: ${reason}`, `${remedy}; ${restart}`)
  const value = reason === undefined ? ends : `${ends}; ${reason}`
  return failure(
    service,
    value,
    `run sh -n ${run} and read the log of this service; fix the error, then run ${restart}`,
  )
}

const UNWATCHED = 'is not supervised: it does not start, or nothing starts it again when it ends'

/** Returns whether a program supervises the service, as svok(8) does: it has opened this pipe to read. */
function isWatched(service: string): boolean {
  const opened = attempt(() =>
    openSync(`${service}/supervise/ok`, constants.O_WRONLY | constants.O_NONBLOCK),
  )
  if (opened !== undefined) closeSync(opened)
  return opened !== undefined
}

/** The units that start svscan(8) or runsvdir(8), as packages and pages name them. */
const WATCHERS = ['daemontools-run', 'daemontools', 'svscan', 'runit', 'runsvdir'] as const

function howToWatch(): string {
  const unit = WATCHERS.find((name) => askSystemd(name)?.load === 'loaded')
  return unit === undefined
    ? 'start svscan or runsvdir for its directory, and have the host start it at each boot'
    : `systemctl enable ${unit} && systemctl restart ${unit}`
}

/** Returns the paths in a directory, none if it cannot be read. */
export const pathsBelow = (place: string): string[] =>
  (attempt(() => PathHandle.with(place, (found) => found.names())) ?? []).map(
    (name) => `${place}/${name}`,
  )

const portsIn = (script: string) =>
  [...script.matchAll(PORT)].map(([, port = '']) => PORTS[port] ?? Number(port))

const SVC = { up: '-u', restart: '-t', hup: '-h' } as const

/** Returns the command for a supervised service: sv(8) of runit, which alone has a file `stat` there, or svc(8). */
export function superviseCommand(does: keyof typeof SVC, service: string): string {
  const isRunit = attempt(() => pathExists(`${service}/supervise/stat`)) ?? false
  return `${isRunit ? `sv ${does}` : `svc ${SVC[does]}`} ${shellWord(service)}`
}

/** Returns the state of a service, or undefined if it is not supervised, or may not be read. */
function stateOf(service: string): Supervised | undefined {
  const status = attempt(() => readStart(`${service}/supervise/status`, STATUS_MAX))
  if (status === undefined || status.length < 18) return undefined
  return {
    since: status.toString('hex', 0, 12),
    pid: status.readUInt32LE(12),
    isWanted: status[17] !== 'd'.charCodeAt(0),
  }
}
