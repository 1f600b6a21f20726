import type { CommandModule } from 'yargs'
import type { Finding } from '../../ground/errors/finding.ts'
import { readControlDirectories } from '../../judge/policy.ts'
import { readAccounts } from '../../readiness/account.ts'
import { runStage } from '../../readiness/stage.ts'
import { tryStages } from '../../readiness/stages.ts'
import { print, runCommand } from '../shared/run-command.ts'
import type { Host } from './shared/host.ts'
import { TRIALS, type TrialHost } from './shared/trial-protocol.ts'
import { checkTrialMessages } from './slot/trial-messages.ts'

/**
 * The part of `onescan check` that runs as the account of the slot, in a process of its own
 * (try-as-account.ts): the stages of onescan-queue --check, which run programs that the settings name, open
 * files and connect; then what only the outside of the slot shows. Nothing else starts it.
 */
export const trialsCommand: CommandModule = {
  command: TRIALS,
  describe: false,
  handler: () => runCommand(TRIALS, { json: false }, makeTrials),
}

async function makeTrials(): Promise<number> {
  const received = JSON.parse(await readAll(process.stdin)) as TrialHost
  const host: Host = {
    ...received,
    directories: readControlDirectories(received.env),
    accounts: readAccounts(),
  }
  const marks = new Set<Finding['mark']>()
  const tell = (finding: Finding) => {
    print(`${JSON.stringify(finding)}\n`)
    marks.add(finding.mark)
  }
  for await (const finding of tryStages(host)) tell(finding)
  if (marks.has('nothing scans')) return 0
  const triesCold = !marks.has('only onescand scans')
  const send = (trialHost: Host) => checkTrialMessages(trialHost, triesCold)
  for (const finding of await runStage(send, host)) tell(finding)
  return 0
}

async function readAll(input: AsyncIterable<Buffer>): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of input) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}
