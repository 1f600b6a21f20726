import { writeSync } from 'node:fs'
import { errorText } from '../base/errors/fault.ts'
import { readUptime } from '../base/flow/uptime.ts'
import { parseIpAddress } from '../base/net/ip-address.ts'
import { printsHelpOrVersion, serviceExit } from '../base/process/command-line.ts'
import { runGate } from './gate/gate.ts'
import { delayConnection } from './one-connection/delay-connection.ts'
import { type DelayOptions, readOptions, USAGE, UsageError } from './options/delay-options.ts'
import { troubleLine, writeLine } from './outcome/delay-log.ts'
import { type PlanContext, planFor, readPlanSources } from './plan/plan.ts'

process.exitCode = serviceExit.temporary // unless the program ends as planned

const env = { ...process.env }

smtpDelay(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    writeLine(troubleLine(errorText(error)))
    process.exit(error instanceof UsageError ? serviceExit.usage : serviceExit.temporary)
  },
)

/** Runs smtp-delay(8). Returns the exit code, unless this process became the server program. */
async function smtpDelay(argv: readonly string[]): Promise<number> {
  if (printsHelpOrVersion('smtp-delay', USAGE, argv)) return serviceExit.done
  const options = readOptions(argv, env)
  if (options.explains) {
    const { ask, ...lists } = readPlanSources(options, env, readUptime)
    writeSync(1, `${await explain(options, { ...lists, resolver: ask() })}\n`)
    return serviceExit.done
  }
  if (options.gate) return runGate(options, options.gate, env, readUptime)
  return delayConnection(options, env, readUptime)
}

/** Returns the line of `--explain IP [NAME]`: how long such a client would wait, and why. */
async function explain(options: DelayOptions, context: PlanContext): Promise<string> {
  const [ip = '', name, ...rest] = options.argv
  const address = parseIpAddress(ip)
  if (!address) throw new UsageError(`--explain ${ip}: is not an address`)
  if (rest.length > 0)
    throw new UsageError(`--explain: takes an address and a name, not ${rest[0]}`)
  const client = {
    ip,
    address,
    name,
    mayRelay: false,
    delay: undefined,
    wrong: undefined,
    rbl: 'unset',
  } as const
  const plan = planFor(client, options, context)
  if (plan.kind !== 'wait') return `${ip}: no delay, ${plan.reason}`
  const { delay, reason } = await plan.judgement
  return `${ip}: delay ${delay}, ${reason}`
}
