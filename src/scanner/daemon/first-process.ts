import { statSync } from 'node:fs'
import { attempt } from '../../base/errors/fault.ts'
import { standardError } from '../../base/log/log-queue.ts'
import { descriptorLimit } from '../../base/process/descriptors.ts'
import type { Environment } from '../../base/process/environment.ts'
import { ownCommand } from '../../base/runtime/compiled-program.ts'
import { whenReplaced } from '../../base/systemd/bound-paths.ts'
import { notify, notifyReady } from '../../base/systemd/sd-daemon.ts'
import {
  type Configuration,
  readConfiguration,
  requireIdentity,
} from '../configuration/configuration.ts'
import { connectionLimits, type DaemonOptions } from '../options/daemon-options.ts'
import { isTls, type ListeningDoor } from '../options/door-address.ts'
import { ClamdWatch } from '../readiness/clamd/clamd-watch.ts'
import { HostMemory } from '../scan/verdicts/host-memory.ts'
import { queueTrouble } from '../serving/connection-queue.ts'
import { log } from './daemon-log.ts'
import { describeDoor } from './describe-door.ts'
import { type DoorSocket, inheritedSockets, openSockets } from './listening/open-sockets.ts'
import { pageSocket } from './listening/page-socket.ts'
import type { Signals } from './signals.ts'
import { StatusFeed } from './status-feed.ts'
import { startSweeps } from './sweeps.ts'
import { Workers } from './workers/workers.ts'

/** The initial data of every process of onescand. */
export interface ProcessStart {
  readonly env: Environment
  readonly options: DaemonOptions
  readonly signals: Signals
}

interface FirstProcessStart extends ProcessStart {
  /** The arguments of this process. */
  readonly args: readonly string[]
}

/**
 * Runs the first process: it keeps the sockets and the data that all workers share, answers systemd and HTTP,
 * and replaces workers. Rejects with a Fault if onescand cannot start.
 */
export async function runFirstProcess(start: FirstProcessStart): Promise<void> {
  const daemon = await openDaemon(start)
  start.signals.handleWith({
    reload: () => daemon.reload(),
    report: () => daemon.report(),
    stop: () => daemon.stop(),
  })
  await daemon.serve()
  stopWhenReplaced()
  notifyReady(process.env, daemon.running)
}

/** Reads the settings, opens the page and the sockets, and starts the workers. */
async function openDaemon({ env, options, args }: FirstProcessStart): Promise<Daemon> {
  const memory = new HostMemory({ scanning: 'none' })
  const configuration = await CurrentConfiguration.read(env, memory)
  const inherited = inheritedSockets(process.env)
  const httpFd = pageSocket(inherited, options.http, log)
  const clamds = new ClamdWatch(() => configuration.value.context?.config.settings, log, {
    onCanary: (event) => memory.noteCanary(event),
    onRestart: () => memory.noteRestart(Math.floor(Date.now() / 1000)),
  })
  const status = new StatusFeed(options, () => configuration.value, clamds)
  await status.open(httpFd)
  const sockets = await openSockets(options, inherited)
  const kinds = sockets.map(({ kind }) => kind)
  if (kinds.some(isTls)) requireIdentity(configuration.value)
  logConnectionLimit(kinds.length, options.maxClients)
  await logQueueTrouble()
  const workers = new Workers({
    count: options.workers,
    command: ownCommand('onescand', ...args, '--worker', kinds.join(',')),
    fds: sockets.map(({ fd }) => fd),
    grace: options.grace,
    log,
    onReport: (worker, report) => status.workerReported(worker, report),
    onAnswer: (answer) => status.selfTestAnswered(answer),
    onEnd: (worker, inProgress) => status.workerEnded(worker, inProgress),
    onLasting: (milliseconds) => notify(process.env, `EXTEND_TIMEOUT_USEC=${milliseconds * 1000}`),
    memory,
  })
  status.watchWorkers(workers)
  const stopSweeps = startSweeps(env, log)
  return new Daemon({ configuration, clamds, status, sockets, workers, stopSweeps })
}

/** Workers notice the same, and go on without. A missing addon has been logged by then. */
async function logQueueTrouble(): Promise<void> {
  const trouble = await queueTrouble()
  if (trouble !== undefined) log(`${trouble}, so a full worker closes new connections`)
}

/** The configuration of this process, which a reload replaces. */
class CurrentConfiguration {
  readonly #read: () => Promise<Configuration>
  #value: Configuration

  private constructor(read: () => Promise<Configuration>, first: Configuration) {
    this.#read = read
    this.#value = first
  }

  static async read(env: Environment, memory: HostMemory): Promise<CurrentConfiguration> {
    const read = () => readConfiguration(env, log, memory)
    return new CurrentConfiguration(read, await read())
  }

  get value(): Configuration {
    return this.#value
  }

  /** Reads the configuration again. If this rejects, the old one remains in use. */
  async reload(): Promise<void> {
    const next = await this.#read()
    this.#value.close()
    this.#value = next
  }
}

/** The parts of an onescand that has started. */
interface DaemonParts {
  readonly configuration: CurrentConfiguration
  readonly clamds: ClamdWatch
  readonly status: StatusFeed
  readonly sockets: readonly DoorSocket[]
  readonly workers: Workers
  readonly stopSweeps: () => void
}

/** A running onescand, as its first process controls it. */
class Daemon {
  readonly #parts: DaemonParts
  readonly #running = new AbortController()
  /** Empty until the workers listen. */
  #doors: readonly ListeningDoor[] = []

  constructor(parts: DaemonParts) {
    this.#parts = parts
  }

  /** Aborted when onescand stops. */
  get running(): AbortSignal {
    return this.#running.signal
  }

  /** Resolves when all workers listen. */
  async serve(): Promise<void> {
    const { workers, sockets, status } = this.#parts
    const addresses = await workers.ready
    this.#doors = addresses.map((address, at) => {
      const { kind, route } = sockets[at]!
      return { kind, route, address }
    })
    this.#logDoors()
    status.serving(this.#doors)
    log('serving')
  }

  async reload(): Promise<void> {
    this.#parts.status.reload() // first, so that a removed token is revoked even if other files cannot be read
    await this.#parts.configuration.reload()
    this.#logDoors()
    this.#parts.workers.order('reload')
  }

  report(): void {
    this.#parts.workers.order('report')
  }

  /** Stops the workers, and ends this process. */
  async stop(): Promise<void> {
    const { status, clamds, stopSweeps, sockets, workers, configuration } = this.#parts
    status.stopping()
    clamds.close()
    stopSweeps()
    this.#running.abort()
    // No client may wait for a worker that accepts no more connections.
    for (const socket of sockets) socket.close()
    notify(process.env, 'STOPPING=1')
    await workers.stop()
    status.close()
    configuration.value.close()
    await standardError.flush()
    process.exit(0)
  }

  #logDoors(): void {
    for (const door of this.#doors) log(describeDoor(door, this.#parts.configuration.value))
  }
}

/**
 * Ends onescand when a directory that systemd bound for it is removed. Files are read at the start, or not relied
 * on: /etc/passwd has names for the log.
 */
function stopWhenReplaced(): void {
  const stop = (path: string) => {
    log(`${path}: was removed or replaced, so onescand exits, and its service starts it again`)
    process.kill(process.pid, 'SIGTERM')
  }
  whenReplaced(process.env, stop, (path) => attempt(() => statSync(path))?.isDirectory() === true)
}

function logConnectionLimit(sockets: number, maxClients: number): void {
  const descriptors = descriptorLimit()
  const { clients } = connectionLimits(descriptors, sockets, maxClients)
  if (clients === maxClients) return
  const reason = `only ${clients} are possible: onescand may open ${descriptors} files, and has ${sockets} sockets`
  log(`--max-clients ${maxClients}: ${reason}; raise LimitNOFILE= (ulimit -n)`)
}
