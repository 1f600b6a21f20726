import type { CommandModule } from 'yargs'
import { readControlDirectories } from '../../judge/policy.ts'
import { print, runCommand } from '../shared/run-command.ts'
import { checkStart } from './daemon/daemon-start.ts'
import { checkOnescanc } from './daemon/engine.ts'
import { readAccounts } from './shared/account.ts'
import { type Check, runCheck } from './shared/carefully.ts'
import type { Host } from './shared/host.ts'
import { checkErrorFd } from './slot/error-fd.ts'
import { checkRuntime } from './slot/runtime.ts'
import { checkSlot } from './slot/slot.ts'
import { checkSpool } from './slot/spool.ts'
import { checkClamd } from './stages/clamd.ts'
import { checkQuota } from './stages/quota.ts'
import { checkScanners } from './stages/scanner.ts'
import { checkVerdicts } from './stages/verdicts.ts'

/** Checks that run programs which the settings name, open files or connect. */
const trials: readonly Check[] = [
  checkRuntime,
  checkOnescanc,
  checkSpool,
  checkClamd,
  checkScanners,
  checkQuota,
  checkVerdicts,
  checkSlot,
  checkErrorFd,
]

/** The same checks for onescand's own settings. */
const trialsOfDaemon: readonly Check[] = [
  checkStart,
  checkSpool,
  checkClamd,
  checkScanners,
  checkQuota,
  checkVerdicts,
]

/** What `onescan check` sends on standard input. */
export type TrialHost = Pick<Host, 'env' | 'account' | 'limits' | 'program' | 'now' | 'daemon'>

/** The first line: as which user the trials are made. */
export interface Introduction {
  readonly uid: number
}

export const TRIALS = 'check-trials'

/**
 * The part of `onescan check` that runs as the account of the slot; nothing else starts it. It
 * prints a line of JSON that says who it is, then one for each finding.
 */
export const trialsCommand: CommandModule = {
  command: TRIALS,
  describe: false,
  handler: () => runCommand(TRIALS, { json: false }, makeTrials),
}

async function makeTrials(): Promise<number> {
  const introduction: Introduction = { uid: process.getuid!() }
  print(`${JSON.stringify(introduction)}\n`)
  const told = JSON.parse(await firstLine(process.stdin)) as TrialHost
  const host: Host = { ...told, place: readControlDirectories(told.env), accounts: readAccounts() }
  for (const trial of told.daemon === undefined ? trials : trialsOfDaemon) {
    for (const finding of await runCheck(trial, host)) print(`${JSON.stringify(finding)}\n`)
  }
  return 0
}

async function firstLine(input: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of input) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
