import { codeOfStart, printCheck } from '../../base/check/print-check.ts'
import { FaultCollector, faultLines } from '../../base/errors/aggregate-fault.ts'
import { errorText } from '../../base/errors/fault.ts'
import { standardError } from '../../base/log/log-queue.ts'
import { printsHelpOrVersion, serviceExit } from '../../base/process/command-line.ts'
import { DAEMON_THREADS } from '../../base/runtime/compiled-program.ts'
import { requireSystem } from '../../base/runtime/system.ts'
import { DAEMON_QHPSI } from '../../base/settings/table/scanners.ts'
import { type DaemonOptions, readOptions, usage } from '../options/daemon-options.ts'
import { checkStart } from './check-daemon-start.ts'
import { log } from './daemon-log.ts'
import { runFirstProcess } from './first-process.ts'
import { Signals } from './signals.ts'
import { runWorker } from './worker.ts'

process.exitCode = serviceExit.temporary
process.env.UV_THREADPOOL_SIZE ??= String(DAEMON_THREADS) // Node reads it for the first thread
const args = process.argv.slice(2)
const environment = { ...process.env, QHPSI: process.env.QHPSI || DAEMON_QHPSI }
if (printsHelpOrVersion('onescand', usage, args)) process.exit(0)
process.on('uncaughtException', (error) => {
  log(error.stack ?? errorText(error))
  process.exit(serviceExit.temporary) // the clients scan standalone
})

const NO_START = 'onescand does not start'
const isCheck = args.includes('--check') || args.includes('--check-settings')
const run = isCheck ? check() : serve(readOptionsOrExit())
run.catch((error) => {
  log(errorText(error))
  process.exit(serviceExit.temporary)
})

/** Prints the check lines of a start; with --check also whether mail would be scanned. */
async function check(): Promise<void> {
  const faults = new FaultCollector()
  const options = faults.attempt(() => readOptions(args), undefined)
  faults.attempt(() => requireSystem(NO_START), undefined)
  const printsJson = args.includes('--json')
  const found = await printCheck(checkStart(options, faults.lines, environment), printsJson)
  process.exit(printsJson ? 0 : options === undefined ? serviceExit.usage : codeOfStart(found))
}

/**
 * Serves until it is asked to end, onescand(8). The first process judges no mail, so that no mail
 * can block it. It starts workers, which judge mail, and replaces those that end or hang.
 */
async function serve(options: DaemonOptions): Promise<void> {
  const signals = new Signals()
  requireSystem(NO_START).forbidTracing() // before there is a key, and before any plugin runs as the same user
  const start = { env: environment, options, signals }
  const { workerFor } = options
  await (workerFor === undefined
    ? runFirstProcess({ ...start, args })
    : runWorker(workerFor, start))
}

/** Ends this process if the options are wrong. */
function readOptionsOrExit(): DaemonOptions {
  try {
    return readOptions(args)
  } catch (error) {
    for (const line of faultLines(error)) log(line)
    standardError.write(Buffer.from('Try "onescand --help".\n')) // below the lines that wait there
    process.exit(serviceExit.usage)
  }
}
