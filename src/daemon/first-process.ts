import { statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import {
  type Configuration,
  readConfiguration,
  requireIdentity,
} from '../configuration/configuration.ts'
import { attempt } from '../lib/errors/fault.ts'
import { whenReplaced } from '../lib/process/bound-paths.ts'
import { descriptorLimit } from '../lib/process/descriptors.ts'
import type { Environment } from '../lib/process/environment.ts'
import { notify } from '../lib/process/systemd.ts'
import { ownCommand } from '../lib/runtime/compiled-program.ts'
import { ClamdWatch } from '../readiness/clamd/clamd-watch.ts'
import { HostMemory } from '../scan/verdicts/host-memory.ts'
import { log } from './daemon-log.ts'
import { describeDoor } from './describe-door.ts'
import { inheritedSockets, openSockets } from './listening/open-sockets.ts'
import { pageSocket } from './listening/page-socket.ts'
import type { DaemonOptions } from './options/daemon-options.ts'
import { isTls, type ListeningDoor } from './options/door-address.ts'
import { smtpDoorsOf } from './options/smtp-doors.ts'
import type { Signals } from './signals.ts'
import { StatusFeed } from './status-feed.ts'
import { startSweeps } from './sweeps.ts'
import { connectionLimits } from './workers/connection-limits.ts'
import { Workers } from './workers/workers.ts'

/** The initial data of every process of onescand. */
export interface ProcessStart {
  readonly env: Environment
  readonly options: DaemonOptions
  readonly signals: Signals
}

/**
 * Runs the first process: it keeps the sockets and the data that all workers share, answers systemd and HTTP,
 * and replaces workers. `args` are its own arguments. Rejects with a Fault if onescand cannot start.
 */
export async function runFirstProcess({
  env,
  options,
  signals,
  args,
}: ProcessStart & { readonly args: readonly string[] }): Promise<void> {
  const memory = new HostMemory()
  let configuration = await readConfiguration(env, log, memory)
  let doors: readonly ListeningDoor[] = []
  const inherited = inheritedSockets(process.env)
  const { http } = options
  const httpFd = pageSocket(inherited, http, log)
  const clamds = new ClamdWatch(() => configuration.context?.config.settings, log, {
    extracts: (event) => memory.noteExtraction(event),
    isWanted: () => memory.extracted.isWanted,
  })
  const status = http && new StatusFeed(options, () => configuration, clamds)
  if (http) await status?.open(http, httpFd)
  const sockets = await openSockets(options, inherited)
  const kinds = sockets.map(({ kind }) => kind)
  if (kinds.some(isTls)) requireIdentity(configuration)
  logConnectionLimit(kinds.length, options.maxClients)
  const smtpDoors = smtpDoorsOf(kinds, options.smtpDoors)
  const workers = new Workers({
    count: options.workers,
    command: ownCommand('onescand', ...args, '--worker', kinds.join(',')),
    fds: sockets.map(({ fd }) => fd),
    directory: env.TMPDIR || tmpdir(),
    grace: options.grace,
    log,
    onMessage: (worker, message) => status?.take(worker, message),
    onEnd: (worker, inProgress) => status?.workerEnded(worker, inProgress),
    onLasting: (milliseconds) =>
      void notify(process.env, `EXTEND_TIMEOUT_USEC=${milliseconds * 1000}`),
    memory,
  })
  status?.watchWorkers(workers)
  const stopSweeps = startSweeps(env, log)
  const running = new AbortController()
  signals.handleWith({
    async reload() {
      const next = await readConfiguration(env, log, memory)
      configuration.close()
      configuration = next
      logDoors(doors, configuration)
      workers.order('reload')
    },
    report: () => workers.order('report'),
    async stop() {
      status?.stopping()
      clamds.close()
      stopSweeps()
      running.abort()
      // No client may wait for a worker that accepts no more connections.
      for (const socket of sockets) socket.close()
      await Promise.all([workers.stop(), notify(process.env, 'STOPPING=1')])
      status?.close()
      configuration.close()
      process.exit(0)
    },
  })
  const addresses = await workers.ready
  doors = addresses.map((address, at) => ({ kind: kinds[at]!, address, route: smtpDoors[at] }))
  logDoors(doors, configuration)
  status?.serving(doors)
  log('serving')
  const endWithout = (path: string) => {
    log(`${path}: was removed; onescand exits; its next start opens it again`)
    process.kill(process.pid, 'SIGTERM')
  }
  // Files are read at the start, or not relied on: /etc/passwd has names for the log.
  whenReplaced(
    process.env,
    endWithout,
    (path) => attempt(() => statSync(path))?.isDirectory() === true,
  )
  await notifyReady(running.signal)
}

function logConnectionLimit(sockets: number, maxClients: number): void {
  const descriptors = descriptorLimit()
  const { clients } = connectionLimits(descriptors, sockets, maxClients)
  if (clients === maxClients) return
  const why = `only ${clients} are possible: onescand may open ${descriptors} files, and has ${sockets} sockets`
  log(`--max-clients ${maxClients}: ${why}; raise LimitNOFILE= (ulimit -n)`)
}

function logDoors(doors: readonly ListeningDoor[], configuration: Configuration): void {
  for (const door of doors) log(describeDoor(door, configuration))
}

/** Notifies systemd that mail is served, and repeatedly if it requires that (WatchdogSec=). */
async function notifyReady(running: AbortSignal): Promise<void> {
  await notify(process.env, 'READY=1')
  const within = watchdogTime(process.env)
  if (within === undefined || running.aborted) return
  const timer = setInterval(() => void notify(process.env, 'WATCHDOG=1'), within / 2)
  running.addEventListener('abort', () => clearInterval(timer))
}

/**
 * Returns within how many milliseconds systemd expects WATCHDOG=1 each time (WatchdogSec=), or
 * undefined if it expects none: sd_watchdog_enabled(3).
 */
function watchdogTime({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return undefined
  return /^[1-9][0-9]{3,14}$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) / 1000 : undefined
}
