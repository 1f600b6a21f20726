import { setTimeout } from 'node:timers/promises'
import { type CheckLine, failure, warning } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { readStart } from '../../../../base/path/open.ts'
import { PathHandle, pathExists } from '../../../../base/path/path-handle.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'

/** The directories that daemontools and runit scan for services. */
export const SUPERVISED = [
  '/service',
  '/etc/service',
  '/var/service',
  '/etc/runit/runsvdir/current',
] as const
/** The run scripts of services that mail needs. */
const OF_MAIL = /\bqmail-smtpd\b|\bonescan/
/** Upper limits for the bytes read of a run script, and of supervise/status: 18 by daemontools, 20 by runit. */
const SCRIPT_MAX = 64 * 1024
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

/**
 * Resolves to the check lines about services of mail below supervise(8) or runsv(8) that are down, or end as soon as
 * they are started. Their state is root's alone: for other users there are none.
 */
export async function checkSupervisors(
  places: readonly string[] = SUPERVISED,
): Promise<CheckLine[]> {
  const services = places.flatMap((place) =>
    (attempt(() => PathHandle.with(place, (found) => found.byteNames())) ?? [])
      .map((name) => `${place}/${name}`)
      .filter(isOfMail),
  )
  const checkLines = await Promise.all(services.map(checkSupervisor))
  return checkLines.filter((checkLine) => checkLine !== undefined)
}

const isOfMail = (service: string): boolean =>
  OF_MAIL.test(attempt(() => readStart(`${service}/run`, SCRIPT_MAX).toString('latin1')) ?? '')

async function checkSupervisor(service: string): Promise<CheckLine | undefined> {
  const first = stateOf(service)
  if (first === undefined) return undefined
  if (!first.isWanted && first.pid === 0)
    return warning(service, 'is down: it was stopped', superviseCommand('up', service))
  const seen = [first]
  for (let look = 1; look < LOOKS; look++) {
    await setTimeout(PAUSE)
    seen.push(stateOf(service) ?? first)
  }
  const isDown = seen.every(({ pid }) => pid === 0)
  const isRestarted = new Set(seen.map(({ since }) => since)).size === LOOKS
  if (!isDown && !isRestarted) return undefined
  const value = 'exits each time that it is started, so it does no work'
  const run = shellWord(`${service}/run`)
  const remedy = `run sh -n ${run}, correct what that or the log of this service reports, then run ${superviseCommand('restart', service)}`
  return failure(service, value, remedy)
}

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
