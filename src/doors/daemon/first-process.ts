import { tmpdir } from 'node:os'
import { notify, watchdogTime } from '../../ground/process/notify.ts'
import { ownCommand } from '../../ground/runtime/compiled-program.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { openHostMemory } from '../../verdicts/host-memory.ts'
import { readConfiguration } from '../shared/configuration.ts'
import { describeDoor } from './describe-door.ts'
import { createHttpFeed } from './http-feed.ts'
import { inheritedSockets } from './listening/inherited-sockets.ts'
import { openSockets } from './listening/open-sockets.ts'
import { pageSocket } from './listening/page-socket.ts'
import { log } from './log.ts'
import type { DaemonOptions } from './options/options.ts'
import { relaysOf } from './options/relays.ts'
import type { Signals } from './signals.ts'
import { makeTrialMark, trialWords } from './trials/trial-mark.ts'
import { rememberExceptions } from './upkeep/remember-exceptions.ts'
import { type QuarantineSweep, sweepQuarantines } from './upkeep/sweep-quarantine.ts'
import { sweepSpools } from './upkeep/sweep-spools.ts'
import { type LimitsWatch, watchLimits } from './upkeep/watch-limits.ts'
import type { OrphanReaper } from './workers/orphans.ts'
import { startWorkers } from './workers/workers.ts'

/** What every process of onescand begins with. */
export interface ProcessStart {
  readonly env: Environment
  readonly options: DaemonOptions
  readonly signals: Signals
  readonly orphans: OrphanReaper
}

/**
 * The first process: it keeps the sockets and what all workers know, reports to systemd and to
 * those who look by HTTP, and replaces workers. `words` are its own arguments. Rejects with a Fault
 * if onescand cannot start.
 */
export async function runFirstProcess({
  env,
  options,
  signals,
  orphans,
  words,
}: ProcessStart & { readonly words: readonly string[] }): Promise<void> {
  const memory = openHostMemory()
  const mark = makeTrialMark()
  let configuration = await readConfiguration(env, log, memory)
  let watching: LimitsWatch | undefined
  let quarantine: QuarantineSweep | undefined
  const handedOver = inheritedSockets(process.env)
  const page = pageSocket(handedOver, options.http, log)
  const shown =
    options.http &&
    createHttpFeed(options.http, options, {
      configuration: () => configuration,
      mark: () => mark,
      fd: page,
      amiss: () => watching?.amiss() ?? [],
      swept: () => quarantine?.last,
    })
  await shown?.open()
  const exceptions = rememberExceptions(options.state, log)
  exceptions.configure(configuration.rules)
  const sockets = await openSockets(options, handedOver)
  const kinds = sockets.map(({ kind }) => kind)
  const relays = relaysOf(kinds, options.relays)
  const workers = startWorkers({
    count: options.workers,
    command: ownCommand('onescand', ...words, '--worker', kinds.join(',')),
    fds: sockets.map(({ fd }) => fd),
    directory: env.TMPDIR || tmpdir(),
    grace: options.grace,
    log,
    heard(worker, words) {
      if (!exceptions.heard(words)) shown?.heard(worker, words)
    },
    ended: shown?.ended,
    memory,
    welcome: [trialWords(mark)],
  })
  shown?.workers(workers.state)
  const watch = () => watchLimits(configuration.policy?.scan, log)
  watching = watch()
  quarantine = sweepQuarantines(env, log)
  const sweeping = [sweepSpools(env), quarantine]
  let places: readonly string[] = []
  const tellWhatItDoes = () => {
    for (const [index, place] of places.entries()) {
      log(describeDoor({ kind: kinds[index]!, place, relay: relays[index] }, configuration))
    }
  }
  let watchdog: NodeJS.Timeout | undefined
  signals.handleWith({
    async reload() {
      const read = await readConfiguration(env, log, memory)
      configuration.close()
      configuration = read
      exceptions.configure(configuration.rules)
      tellWhatItDoes()
      watching?.close()
      watching = watch()
      workers.reload()
    },
    report: () => workers.report(),
    async stop() {
      shown?.ready(false)
      watching?.close()
      for (const worker of sweeping) worker.close()
      clearInterval(watchdog)
      // Nobody may wait for a worker that takes no connection any more.
      for (const socket of sockets) socket.close()
      await Promise.all([workers.stop(), notify(process.env, 'STOPPING=1')])
      shown?.close()
      exceptions.close()
      configuration.close()
      await orphans.ended()
      process.exit(0)
    },
  })
  places = await workers.ready
  tellWhatItDoes()
  shown?.ready(true)
  shown?.doors(places.map((place, index) => ({ kind: kinds[index]!, place, relay: relays[index] })))
  log('serving')
  await notify(process.env, 'READY=1')
  const within = watchdogTime(process.env)
  if (within !== undefined) {
    watchdog = setInterval(() => void notify(process.env, 'WATCHDOG=1'), within / 2)
  }
}
