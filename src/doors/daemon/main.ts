import { writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { errorText } from '../../fault.ts'
import { asksAbout, tellAbout } from '../../runtime/about.ts'
import { loadLibc } from '../../runtime/libc.ts'
import type { Environment } from '../../settings/settings.ts'
import { readConfiguration } from './configuration.ts'
import { describeDoor } from './describe.ts'
import { openDoors } from './doors.ts'
import { activatedSockets } from './handed-over.ts'
import { log } from './log.ts'
import { notify } from './notify.ts'
import { type Options, readOptions, usage } from './options.ts'
import { takeOrders } from './orders.ts'
import { adoptOrphans } from './orphans.ts'
import { ownCommand } from './own-command.ts'
import { rehearse } from './rehearse.ts'
import { watchLimits } from './watch-limits.ts'
import { SERVING, startCrew } from './workers.ts'

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
  const orders = takeOrders()
  const libc = await loadLibc()
  libc?.forbidTracing() // before there is a key, and before any plugin runs as the same user
  const orphans = adoptOrphans(libc)
  let configuration = await readConfiguration(env, log)
  const handedOver = options.workerFor ?? activatedSockets(process.env)
  const doors = await openDoors(configuration, options, handedOver)
  const crew = startCrew({
    count: options.workerFor ? 0 : options.workers - 1,
    command: ownCommand('--worker', doors.map(({ kind }) => kind).join(',')),
    fds: doors.map(({ fd }) => fd),
    grace: options.grace,
    log,
  })
  // One of several processes asks.
  const watch = () => (options.workerFor ? undefined : watchLimits(configuration.policy?.scan, log))
  let watching = watch()
  const over = new AbortController()
  const rehearsed = rehearse(env.TMPDIR || tmpdir(), over.signal).catch((error) => {
    log(`rehearsal: ${errorText(error)}`) // the first mail takes longer, and that is all
  })
  const tellWhatItDoes = () => {
    for (const door of options.workerFor ? [] : doors) log(describeDoor(door, configuration))
  }
  orders.obey({
    async reload() {
      const read = await readConfiguration(env, log)
      for (const door of doors) door.configure(read)
      configuration.close()
      configuration = read
      tellWhatItDoes()
      watching?.close()
      watching = watch()
      crew.reload()
    },
    report() {
      configuration.report()
      crew.report()
    },
    async stop() {
      over.abort()
      watching?.close()
      await Promise.all([
        rehearsed,
        ...doors.map((door) => door.close(options.grace)),
        crew.stop(),
        tellSystemd('STOPPING=1'),
      ])
      configuration.close()
      await orphans.ended()
      process.exit(0)
    },
  })
  await crew.ready
  tellWhatItDoes()
  if (!options.workerFor) log('serving')
  process.send?.(SERVING)
  await tellSystemd('READY=1')
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
