import { errorText, Fault, faultKindOf } from '../../../../base/errors/fault.ts'
import { ENDING_SIGNALS, printsHelpOrVersion } from '../../../../base/process/command-line.ts'
import { leaveStandardStreamsAlone } from '../../../../base/process/descriptors.ts'
import { environmentOfNextProgram } from '../../../../base/settings/child-environment.ts'
import { readControlDirectories } from '../../../../base/settings/control-directories.ts'
import { removeNamedFiles } from '../../../../mail/message/named-copy.ts'
import { handleMail } from '../../../handling/handle-mail.ts'
import type { LogSink } from '../../../log/log-sink.ts'
import { openLog } from '../../../log/open-log.ts'
import { Deadline } from '../../../scan/judge/context/deadline.ts'
import { readJudgeConfig } from '../../../scan/judge/context/judge-config.ts'
import { messageOptionsFor } from '../../../scan/judge/context/judge-context.ts'
import { readErrorReport } from '../error-report.ts'
import { codeOfFault, slotExit } from '../exit-codes.ts'
import { findNextProgram } from '../next-program.ts'
import { loadContext, prepareTools } from './load-context.ts'
import { receiveTransaction } from './receive.ts'
import { SlotLog } from './slot-log.ts'
import { carryOutStandalone, type NextProgramCall, passThrough } from './standalone-carry-out.ts'

process.exitCode = slotExit.internalBug // nothing but the next program may turn this into success
leaveStandardStreamsAlone()

const usage = `usage: onescan-queue [PROGRAM [ARG...]]
       onescan-queue --check | --help | --version

Replaces qmail-queue: reads a message from descriptor 0 and its envelope from descriptor 1,
scans the message with the scanners in QHPSI, and executes PROGRAM, or the program in
QUEUECHAIN, or the real qmail-queue. With --check it reads no message, and tests whether
mail would be scanned with these settings. See onescan-queue(8); by hand, use onescan inject.
`

const args = process.argv.slice(2)
const env = { ...process.env }

run().then(
  (code) => process.exit(code),
  () => process.exit(slotExit.internalBug),
)

/**
 * Returns the exit code, unless this process became the next program. Whatever fails is a line in the log.
 */
async function run(): Promise<number> {
  const log = await openLog(env)
  const slotLog = new SlotLog(env, log)
  const failed = (error: unknown) => {
    const code = codeOfFault(faultKindOf(error))
    slotLog.fault(error, code)
    return code
  }
  process.on('uncaughtException', (error) => process.exit(failed(error)))
  return slot(slotLog, log).catch(failed)
}

/** One message through the slot (qmail-queue(8)). */
async function slot(slotLog: SlotLog, log: LogSink): Promise<number> {
  if (printsUsage()) return slotExit.done
  if (args.length === 1 && args[0] === '--check') {
    const { checkHere } = await import('./check-here.ts')
    return checkHere(env)
  }
  const nextProgram: NextProgramCall = {
    ...findNextProgram(args, env, readControlDirectories(env)),
    environment: environmentOfNextProgram(env),
    self: process.argv[1] ?? process.execPath,
  }
  const config = readJudgeConfig(env)
  if ('off' in config) {
    const { off, quota } = config
    if (quota === undefined) return passThrough({ nextProgram, slotLog }, off)
    const errorReport = readErrorReport(env) // before a descriptor is opened that stays open
    const { passUnscanned } = await import('./quota-only.ts')
    return passUnscanned(quota, off, env, { nextProgram, errorReport, slotLog })
  }
  // Here, too, this comes before a descriptor is opened that stays open.
  const slotContext = { nextProgram, errorReport: readErrorReport(env), slotLog }
  const tools = await prepareTools(config, log)
  const transaction = receiveTransaction(messageOptionsFor(config, tools), env)
  slotLog.transaction = transaction
  const keepNoFile = removeWhenKilled()
  const context = await loadContext(config, tools, { env, log })
  return handleMail(transaction, context, new Deadline(tools.uptime), {
    answers: 'one reply, some quarantined',
    logContext: () => slotLog.logContext(slotExit.done),
    async carryOut(decision) {
      tools.quota?.close()
      keepNoFile.stop()
      return carryOutStandalone(decision, transaction, {
        ...slotContext,
        directory: config.spool.directory,
      })
    },
  })
}

/**
 * Prints usage or version if requested, and reads nothing. If descriptor 1 cannot be written to, a caller has
 * sent mail: exit 55.
 */
function printsUsage(): boolean {
  try {
    return printsHelpOrVersion('onescan-queue', usage, args)
  } catch (error) {
    throw new Fault('config', `${args[0]}: cannot be answered here (${errorText(error)})`, error)
  }
}

/**
 * If a signal asks this process to end while scanners run, removes the files for scanners, and defers the
 * mail. (SIGKILL leaves a file; onescand sweeps it.)
 */
function removeWhenKilled(): { stop(): void } {
  const end = () => {
    removeNamedFiles()
    process.exit(slotExit.deferred)
  }
  for (const signal of ENDING_SIGNALS) process.on(signal, end)
  return {
    stop() {
      for (const signal of ENDING_SIGNALS) process.off(signal, end)
    },
  }
}
