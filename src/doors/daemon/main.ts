import { writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { errorText } from '../../fault.ts'
import type { Environment } from '../../settings/settings.ts'
import { readConfiguration } from './configuration.ts'
import { descriptorOf, HANDED_OVER, isOpenToAll, isSocketActivated } from './handed-over.ts'
import { listenAt, listenOn } from './listen.ts'
import { log } from './log.ts'
import { notify } from './notify.ts'
import { type Options, readOptions, usage } from './options.ts'
import { takeOrders } from './orders.ts'
import { ownCommand } from './own-command.ts'
import { rehearse } from './rehearse.ts'
import { createSlotSocket } from './slot-socket.ts'
import { SERVING, startCrew } from './workers.ts'

/** Temporary failure, as of all programs that are supervised; usage(100) is for good. */
const FAILED = 111
const USAGE = 100

process.exitCode = FAILED
const env: Environment = { ...process.env }
const options = optionsOrUsage()
/** Of several processes, the first one speaks. */
const tellSystemd = (state: string) =>
  options.worker ? Promise.resolve() : notify(process.env, state)

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
  const handedOver = options.worker || isSocketActivated(process.env)
  const openToAll = handedOver ? isOpenToAll(HANDED_OVER) : (options.mode & 0o002) !== 0
  const configuration = await readConfiguration(env)
  const slot = createSlotSocket(configuration, { ...options, ownersTrusted: !openToAll, log })
  await (handedOver ? listenOn(slot.server, HANDED_OVER) : listenAt(slot.server, options))
  const crew = startCrew({
    count: options.worker ? 0 : options.workers - 1,
    command: ownCommand('--worker'),
    fd: handedOver ? HANDED_OVER : descriptorOf(slot.server),
    grace: options.grace,
    log,
  })
  const over = new AbortController()
  const rehearsed = rehearse(env.TMPDIR || tmpdir(), over.signal).catch((error) => {
    log(`rehearsal: ${errorText(error)}`) // the first mail takes longer, and that is all
  })
  orders.obey({
    async reload() {
      slot.configure(await readConfiguration(env))
      crew.reload()
    },
    async stop() {
      over.abort()
      await Promise.all([
        rehearsed,
        slot.close(options.grace),
        crew.stop(),
        tellSystemd('STOPPING=1'),
      ])
      process.exit(0)
    },
  })
  await crew.ready
  if (!options.worker) log('serving')
  process.send?.(SERVING)
  await tellSystemd('READY=1')
}

function optionsOrUsage(): Options {
  try {
    return readOptions(process.argv.slice(2))
  } catch (error) {
    log(errorText(error))
    writeSync(2, usage)
    process.exit(USAGE)
  }
}
