import { closeSync, constants, openSync } from 'node:fs'
import { join } from 'node:path'
import { errorText, Fault } from '../../lib/errors/fault.ts'
import { serviceExit } from '../../lib/process/command-line.ts'
import { replaceProcess } from '../../lib/process/execute.ts'
import { requireSystem, type System } from '../../lib/runtime/system.ts'
import type { Environment } from '../../lib/settings/settings.ts'
import { planFor, readPlanSources, waitFor } from '../banner-delay/plan.ts'
import { EARLY_TALKERS, outcomeOf, talk, whyWithProtocol } from '../early-talkers/conversation.ts'
import type { DelayOptions } from '../options/delay-options.ts'
import { findNext, IGNORED, readUcspiClient, type ServerProgram } from '../options/ucspi.ts'
import { ClientConnection } from './client-connection.ts'
import { type ConnectionEvent, log } from './connection-log.ts'

/** The descriptor of the client. */
const CLIENT = 0
/** SIGPIPE and SIGXFSZ, which both runtimes ignore for themselves. */
const RUNTIME_IGNORES = [13, 25]

/**
 * Serves the one connection on fd 0 and 1, under tcpserver(1) (smtp-delay(8)). Returns the exit code, unless
 * this process executed the server program. `uptime` is milliseconds since this process began.
 */
export async function delayOne(
  options: DelayOptions,
  env: Environment,
  uptime: () => number,
): Promise<number> {
  const next = findNext(options.argv, env)
  const client = readUcspiClient(env)
  if (client.wrong !== undefined)
    log('failed', process.pid, ['remote', client.ip], ['reason', client.wrong])
  const logEvent = (event: ConnectionEvent, why: string, waited?: number) => {
    if (!options.verbose) return
    log(
      event,
      process.pid,
      ['remote', client.ip],
      ['waited_ms', waited?.toFixed(1)],
      ['reason', why],
    )
  }
  const { ask, ...lists } = readPlanSources(options, env, uptime)
  const plan = planFor(client, options, { ...lists, resolver: ask() })
  const system = requireSystem(EARLY_TALKERS)
  if (plan.kind === 'pass') {
    logEvent('passed', plan.why)
    return becomeNext(next, env, system)
  }

  const connection = new ClientConnection(system, uptime)
  const place = options.limit && takeWaitingPlace(options.limit, system, process.pid)
  const isFull = options.limit !== undefined && place === undefined
  const { event, why } = await outcomeOf(
    isFull ? waitFor(0, 'no waiting place is free') : plan,
    (delay) => connection.waitForGreeting(delay),
  )
  const reason = event === 'talked' ? whyWithProtocol(why, CLIENT, system) : why
  logEvent(event, reason, uptime())
  if (event === 'left') return serviceExit.done
  if (event === 'talked' && !connection.holdBack(options.penalty * 1000)) return serviceExit.done
  if (place !== undefined) closeSync(place)
  if (event === 'passed') return becomeNext(next, env, system)
  if (!options.standalone) return becomeNext(next, env, system, options.text)
  log('refused', process.pid, ['remote', client.ip], ['reply', 451], ['reason', options.text])
  await talk(connection, options.text, uptime) // as rblsmtpd does
  return serviceExit.done
}

/**
 * Becomes the server program, which gets the connection, the environment and the ignored signals
 * as this process got them. If `rblsmtpd` is given, the program gets it in RBLSMTPD.
 */
function becomeNext(
  next: ServerProgram,
  env: Environment,
  system: System,
  rblsmtpd?: string,
): never {
  const { [IGNORED]: ignored = '0', ...rest } = env
  const mask = BigInt(/^[0-9a-f]{1,16}$/i.test(ignored) ? `0x${ignored}` : 0)
  for (const signal of RUNTIME_IGNORES) {
    const wasIgnored = (mask >> BigInt(signal - 1)) & 1n
    system.ignoreSignal(signal, wasIgnored === 1n)
  }
  const environment = rblsmtpd === undefined ? rest : { ...rest, RBLSMTPD: rblsmtpd }
  return replaceProcess({ ...next, environment: environment as Record<string, string> })
}

/**
 * Takes one of `most` slots for waiting connections, and returns its descriptor. Returns undefined if all are
 * used. A slot is a file in the directory that the waiting process has locked (flock(2)). The search begins
 * at number `first`. The slot is freed when the descriptor is closed, and when the process ends or executes
 * another program. Throws a Fault if the directory cannot be used.
 */
function takeWaitingPlace(
  { most, directory }: { readonly most: number; readonly directory: string },
  system: System,
  first: number,
): number | undefined {
  for (let i = 0; i < most; i++) {
    const fd = openLock(join(directory, `place-${(first + i) % most}`))
    if (system.tryLock(fd)) return fd
    closeSync(fd)
  }
  return undefined
}

function openLock(file: string): number {
  try {
    return openSync(file, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
  } catch (error) {
    throw new Fault(
      'config',
      `--locks: ${errorText(error)}; the directory must be this user's`,
      error,
    )
  }
}
