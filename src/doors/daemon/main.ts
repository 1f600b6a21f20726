import { writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { asksAbout, tellAbout } from '../../runtime/about.ts'
import { ownCommand } from '../../runtime/compiled-program.ts'
import { errorText } from '../../runtime/fault.ts'
import { loadLibc } from '../../runtime/libc.ts'
import { notify } from '../../runtime/notify.ts'
import type { Environment } from '../../settings/settings.ts'
import { type HostMemory, openHostMemory } from '../../verdicts/host-memory.ts'
import { readConfiguration } from '../shared/configuration.ts'
import { warmUp } from '../warm/warm-up.ts'
import { describeDoor } from './describe.ts'
import { type OpenDoor, openDoors } from './doors.ts'
import { log } from './log.ts'
import { type Options, readOptions, usage } from './options.ts'
import { adoptOrphans } from './orphans.ts'
import { showMail } from './show-mail.ts'
import { installSignalHandlers } from './signals.ts'
import { activatedSockets } from './socket-activation.ts'
import { watchLimits } from './watch-limits.ts'
import { SERVING, startWorkers } from './workers.ts'

/** Temporary failure, as of all programs that are supervised; usage(100) is for good. */
const FAILED = 111
const USAGE = 100

process.exitCode = FAILED
const env: Environment = { ...process.env }
const words = process.argv.slice(2)
if (asksAbout(words)) {
  tellAbout('onescand', usage, words)
  process.exit(0)
}
const options = optionsOrUsage()
/** Of several processes, the first one speaks. */
const tellSystemd = (state: string) =>
  options.workerFor ? Promise.resolve() : notify(process.env, state)

process.on('uncaughtException', (error) => {
  log(error.stack ?? errorText(error))
  process.exit(FAILED) // the clients go cold
})

onescand(options).catch((error) => {
  log(errorText(error))
  process.exit(FAILED)
})

/** One warm engine, onescand(8): it serves until it is told to end. */
async function onescand(options: Options): Promise<void> {
  const signals = installSignalHandlers()
  const libc = await loadLibc()
  libc?.forbidTracing() // before there is a key, and before any plugin runs as the same user
  const orphans = adoptOrphans(libc)
  const memory = openHostMemory()
  if (options.workerFor) shareWithOthers(memory)
  let configuration = await readConfiguration(env, log, memory)
  const handedOver = options.workerFor ?? activatedSockets(process.env)
  let doors: readonly OpenDoor[] = []
  const shows = { configuration: () => configuration, doors: () => doors }
  const shown = options.http && showMail(options.http, options, shows)
  await shown?.open() // before any worker is started for nothing
  doors = await openDoors(configuration, options, handedOver, shown?.witness)
  const workers = startWorkers({
    count: options.workerFor ? 0 : options.workers - 1,
    command: ownCommand('onescand', ...words, '--worker', doors.map(({ kind }) => kind).join(',')),
    fds: doors.map(({ fd }) => fd),
    grace: options.grace,
    log,
    heard: shown?.heard,
    memory,
  })
  // One of several processes asks.
  const watch = () => (options.workerFor ? undefined : watchLimits(configuration.policy?.scan, log))
  let watching = watch()
  const over = new AbortController()
  const warmedUp = warmUp(env.TMPDIR || tmpdir(), over.signal).catch((error) => {
    log(`warm-up: ${errorText(error)}`) // the first mail takes longer, and that is all
  })
  const tellWhatItDoes = () => {
    for (const door of options.workerFor ? [] : doors) log(describeDoor(door, configuration))
  }
  signals.handleWith({
    async reload() {
      const read = await readConfiguration(env, log, memory)
      for (const door of doors) door.configure(read)
      configuration.close()
      configuration = read
      tellWhatItDoes()
      watching?.close()
      watching = watch()
      workers.reload()
    },
    report() {
      configuration.report()
      workers.report()
    },
    async stop() {
      over.abort()
      shown?.ready(false)
      watching?.close()
      await Promise.all([
        warmedUp,
        ...doors.map((door) => door.close(options.grace)),
        workers.stop(),
        tellSystemd('STOPPING=1'),
      ])
      shown?.close()
      configuration.close()
      await orphans.ended()
      process.exit(0)
    },
  })
  await workers.ready
  tellWhatItDoes()
  shown?.ready(true)
  if (!options.workerFor) log('serving')
  process.send?.(SERVING)
  await tellSystemd('READY=1')
}

/** Through the process that started this one, which tells all others. */
function shareWithOthers(memory: HostMemory): void {
  process.on('message', (message) => memory.hear(message))
  memory.connect((words) => {
    if (process.connected) process.send?.(words, undefined, undefined, () => {})
  })
}

function optionsOrUsage(): Options {
  try {
    return readOptions(words)
  } catch (error) {
    log(errorText(error))
    writeSync(2, usage)
    process.exit(USAGE)
  }
}
