import { constants } from 'node:os'
import { errorText } from '../../src/base/errors/fault.ts'
import { loadSystem } from '../../src/base/runtime/system.ts'
import { prepareDirectory } from './directory.ts'
import { makeHosts } from './hosts.ts'
import { sendNewsletter } from './newsletter.ts'
import { Report } from './report.ts'
import { routes } from './routes.ts'
import { chooseScanner } from './scanner.ts'
import { type HopResult, travel } from './travel.ts'

/** Milliseconds between two lines about how far the trial is. */
const PROGRESS = 10_000
const FAILED = 1
const CANNOT_RUN = 2

// Temporary files are removed when this process exits. Without a handler, a signal would end it before that, as would a
// second one: npm and run.mjs pass on what a terminal sends to all of them.
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => process.exit(128 + constants.signals[signal]))
try {
  process.exitCode = (await trial(process.argv.slice(2))) ? 0 : FAILED
} catch (error) {
  process.stderr.write(`npm run try: ${errorText(error)}\n`)
  process.exitCode = CANNOT_RUN
}

/** Sends each route's message from host to host; true where every hop did what it should. */
async function trial(args: readonly string[]): Promise<boolean> {
  const directory = prepareDirectory(args, process.env)
  const scanner = await chooseScanner(process.env)
  const hosts = makeHosts(directory, scanner.settings, process.env)
  const report = new Report(process.stdout)
  const results: HopResult[] = []

  report.opening(scanner)
  const started = Date.now()
  let step = 0
  const progress = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000)
    process.stderr.write(`(after ${seconds} s: step ${step} of ${routes.length + 1})\n`)
  }, PROGRESS)
  try {
    for (const route of routes) {
      step += 1
      const message = route.message(results)
      const hops: HopResult[] = []
      for await (const result of travel(message, route, hosts)) hops.push(result)
      report.route(route, message ?? Buffer.alloc(0), hops)
      results.push(...hops)
    }
    step += 1
    const newsletter = loadSystem() && (await sendNewsletter(hosts.alpha))
    report.newsletter(newsletter)
    return report.summary(results, newsletter, directory)
  } finally {
    clearInterval(progress)
  }
}
