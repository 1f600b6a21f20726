import { closeSync, constants, fstatSync, openSync, readSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { errorCode, errorText, Fault } from '../../base/errors/fault.ts'
import { serviceExit } from '../../base/process/command-line.ts'
import type { Environment } from '../../base/process/environment.ts'
import { replaceProcess } from '../../base/process/execute.ts'
import { type ClientActivity, requireSystem, type System } from '../../base/runtime/system.ts'
import type { DelayOptions } from '../options/delay-options.ts'
import { findNext, IGNORED, readUcspiClient, type ServerProgram } from '../options/ucspi.ts'
import { DelayLog, writeLine } from '../outcome/delay-log.ts'
import {
  EARLY_TALKERS,
  outcomeOf,
  type RefusedClient,
  refuseEarlyTalker,
  whyWithProtocol,
} from '../outcome/early-talkers.ts'
import { planFor, readPlanSources, waitFor } from '../plan/plan.ts'

/** The descriptors of the client, ucspi-tcp. */
const FROM_CLIENT = 0
const TO_CLIENT = 1
/** SIGPIPE and SIGXFSZ, which both runtimes ignore for themselves. */
const RUNTIME_IGNORES = [13, 25]

/**
 * Serves the one connection on fd 0 and 1, under tcpserver(1) (smtp-delay(8)). Returns the exit code, unless
 * this process executed the server program. `uptime` is milliseconds since this process began.
 */
export async function delayConnection(
  options: DelayOptions,
  env: Environment,
  uptime: () => number,
): Promise<number> {
  const next = findNext(options.argv, env)
  const client = readUcspiClient(env)
  const log = new DelayLog({ isVerbose: options.isVerbose, isQuiet: false, write: writeLine })
  if (client.wrong !== undefined) log.trouble(client.wrong, client)
  const { ask, ...lists } = readPlanSources(options, env, uptime)
  const plan = planFor(client, options, { ...lists, resolver: ask() })
  const system = requireSystem(EARLY_TALKERS)
  if (plan.kind === 'pass') {
    log.event('passed', client, plan.reason)
    return executeNext(next, env, system)
  }

  const connection = new ClientConnection(system, uptime)
  const place = options.limit && takeWaitingPlace(options.limit, system, process.pid)
  const isFull = options.limit !== undefined && place === undefined
  const { event, reason: judged } = await outcomeOf(
    isFull ? waitFor(0, 'all waiting places are in use') : plan,
    (delay) => connection.waitForGreeting(delay),
  )
  const reason = event === 'talked' ? whyWithProtocol(judged, FROM_CLIENT, system) : judged
  log.event(event, { ip: client.ip, waited: uptime() }, reason)
  if (event === 'left') return serviceExit.done
  if (event === 'talked' && !connection.holdBack(options.penaltySeconds * 1000))
    return serviceExit.done
  if (place !== undefined) closeSync(place)
  if (event === 'passed') return executeNext(next, env, system)
  if (!options.refusesHere) return executeNext(next, env, system, options.text)
  log.refused(client, 451, options.text)
  await refuseEarlyTalker(connection, options.text, uptime) // as rblsmtpd does
  return serviceExit.done
}

/**
 * Becomes the server program, which gets the connection, the environment and the ignored signals
 * as this process got them. If `rblsmtpd` is given, the program gets it in RBLSMTPD.
 */
function executeNext(
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
 * Takes one of `most` places for waiting connections, and returns its descriptor. Returns undefined if all are
 * used. A place is a file in the directory that the waiting process has locked (flock(2)). The search begins
 * at number `first`. The place is freed when the descriptor is closed, and when the process ends or executes
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

const READ_MAX = 16 * 1024
/**
 * Milliseconds between two polls of the client during DNS queries. A longer wait in poll(2) would block the
 * process, and so delay the answer.
 */
const POLL_EVERY = 20

/**
 * The client on fd 0 and fd 1, whose flags stay as they are. Every wait blocks the process, and costs no
 * processor time. Times are milliseconds.
 */
class ClientConnection implements RefusedClient {
  readonly #system: System
  readonly #uptime: () => number
  readonly #buffer = Buffer.allocUnsafe(READ_MAX)

  /** Throws a Fault if fd 0 is neither a socket nor a pipe, because then there is no client. */
  constructor(system: System, uptime: () => number) {
    this.#system = system
    this.#uptime = uptime
    checkConnection()
  }

  /**
   * Keeps the client waiting until `delay` (milliseconds of `uptime`, which may not be known yet). Resolves
   * to the activity of the client, immediately if it sends or disconnects. Reads no bytes from it.
   */
  async waitForGreeting(delay: Promise<number>): Promise<ClientActivity> {
    let until: number | undefined
    const known = delay.then((value) => {
      until = value
    })
    await Promise.resolve() // sets `until` before the first check if the delay is known already
    while (until === undefined) {
      const sign = this.#system.awaitClient(FROM_CLIENT, 0)
      if (sign !== 'silent') return sign
      await Promise.race([known, pause(POLL_EVERY)])
    }
    for (;;) {
      const sign = this.#system.awaitClient(FROM_CLIENT, milliseconds(until - this.#uptime()))
      if (sign !== 'silent' || this.#uptime() >= until) return sign
    }
  }

  /** Holds an early talker for `time` milliseconds. Returns false if it disconnects before. */
  holdBack(time: number): boolean {
    const until = this.#uptime() + time
    for (let left = time; left > 0; left = until - this.#uptime()) {
      if (this.#system.awaitEnd(FROM_CLIENT, milliseconds(left))) return false
    }
    return true
  }

  read(time: number): Buffer | undefined {
    if (!this.#system.awaitInput(FROM_CLIENT, milliseconds(time))) return undefined
    const read = () => this.#buffer.subarray(0, readSync(FROM_CLIENT, this.#buffer))
    return unlessGone(read) ?? Buffer.alloc(0)
  }

  write(text: string, time: number): boolean {
    // If poll(2) reports room, there is room for more than a line, so the write does not block.
    if (!this.#system.awaitRoom(TO_CLIENT, milliseconds(time))) return false
    const bytes = Buffer.from(text, 'latin1')
    return unlessGone(() => writeSync(TO_CLIENT, bytes)) === bytes.length
  }

  /** The end of this process ends sending. */
  endSending(): void {}
}

function checkConnection(): void {
  try {
    const status = fstatSync(FROM_CLIENT)
    if (status.isSocket() || status.isFIFO()) return
    throw new Error('is neither a socket nor a pipe; run this under tcpserver')
  } catch (error) {
    throw new Fault('read', `fd 0: ${errorText(error)}`, error)
  }
}

/** Rounds up to the whole milliseconds of poll(2): a fraction must not become no wait at all. */
function milliseconds(time: number): number {
  return Math.max(0, Math.ceil(time))
}

/** Returns undefined instead of throwing if the client has vanished, which it may at any time. */
function unlessGone<T>(action: () => T): T | undefined {
  try {
    return action()
  } catch (error) {
    if (['EPIPE', 'ECONNRESET', 'ETIMEDOUT', 'EAGAIN'].includes(errorCode(error))) return undefined
    throw error
  }
}
