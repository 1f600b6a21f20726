import { tmpdir } from 'node:os'
import { notify, watchdogTime } from '../../ground/process/notify.ts'
import { ownCommand } from '../../ground/runtime/compiled-program.ts'
import type { Environment } from '../../ground/settings/settings.ts'
import { openHostMemory } from '../../verdicts/host-memory.ts'
import { readConfiguration } from '../shared/configuration.ts'
import { describeDoor } from './describe.ts'
import { log } from './log.ts'
import type { Options } from './options.ts'
import type { Orphans } from './orphans.ts'
import { pageSocket } from './page-socket.ts'
import { relaysOf } from './relays.ts'
import { rememberExceptions } from './remember-exceptions.ts'
import { showMail } from './show-mail.ts'
import type { Signals } from './signals.ts'
import { activatedSockets } from './socket-activation.ts'
import { openSockets } from './sockets.ts'
import { type QuarantineSweep, sweepQuarantines } from './sweep-quarantine.ts'
import { sweepSpools } from './sweep-spools.ts'
import { makeTrialMark, trialWords } from './trial-mark.ts'
import { type LimitsWatch, watchLimits } from './watch-limits.ts'
import { startWorkers } from './workers.ts'

/** What every process of onescand begins with. */
export interface Beginning {
  readonly env: Environment
  readonly options: Options
  readonly signals: Signals
  readonly orphans: Orphans
}

/**
 * The first process: it keeps the sockets and what all workers know, reports to systemd and to
 * those who look by HTTP, and replaces workers. `words` are its own arguments. Rejects with a Fault
 * if onescand cannot start.
 */
export async function supervise({
  env,
  options,
  signals,
  orphans,
  words,
}: Beginning & { readonly words: readonly string[] }): Promise<void> {
  const memory = openHostMemory()
  const mark = makeTrialMark()
  let configuration = await readConfiguration(env, log, memory)
  let watching: LimitsWatch | undefined
  let quarantine: QuarantineSweep | undefined
  const handedOver = activatedSockets(process.env)
  const page = pageSocket(handedOver, options.http, log)
  const shown =
    options.http &&
    showMail(options.http, options, {
      configuration: () => configuration,
      mark: () => mark,
      fd: page,
      amiss: () => watching?.amiss() ?? [],
      swept: () => quarantine?.last,
    })
  await shown?.open()
  const exceptions = rememberExceptions(options.state)
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
