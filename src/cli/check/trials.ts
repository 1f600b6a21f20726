import type { CommandModule } from 'yargs'
import { readControlDirectories } from '../../judge/policy.ts'
import { print, runCommand } from '../shared/run-command.ts'
import { mailTrials, onescandTrials, slotTrials } from './checks.ts'
import { readAccounts } from './shared/account.ts'
import type { Host } from './shared/host.ts'
import { runCheck } from './shared/run-check.ts'
import { type Introduction, TRIALS, type TrialHost } from './trial-protocol.ts'

/**
 * The part of `onescan check` that runs as the account of the slot or of onescand. Nothing else
 * starts it.
 */
export const trialsCommand: CommandModule = {
  command: TRIALS,
  describe: false,
  handler: () => runCommand(TRIALS, { json: false }, makeTrials),
}

async function makeTrials(): Promise<number> {
  const introduction: Introduction = { uid: process.getuid!() }
  print(`${JSON.stringify(introduction)}\n`)
  const received = JSON.parse(await readAll(process.stdin)) as TrialHost
  const host: Host = {
    ...received,
    directories: readControlDirectories(received.env),
    accounts: readAccounts(),
  }
  let { scans } = received
  for (const trial of received.daemon === undefined ? slotTrials : onescandTrials) {
    if (!scans && mailTrials.has(trial)) continue
    for (const finding of await runCheck(trial, host)) {
      print(`${JSON.stringify(finding)}\n`)
      if (finding.mark === 'nothing scans') scans = false
    }
  }
  return 0
}

async function readAll(input: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of input) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
