import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { errorText } from '../../fault.ts'
import { print, printJson, runCommand } from '../run-command.ts'
import { addEnvironmentOptions } from '../slot-environment.ts'
import { readAccounts } from './account.ts'
import { checkPrograms } from './chain.ts'
import { checkClamd } from './clamd.ts'
import { checkEngine } from './engine.ts'
import { checkErrorFd } from './error-fd.ts'
import { error, exitCodeOf, type Finding, findingLine } from './finding.ts'
import { accountText, type Host, type HostOptions, lookAtHost } from './host.ts'
import { checkKeyring } from './keyring.ts'
import { checkQuota } from './quota.ts'
import { checkRemoval, removalHere } from './removal.ts'
import { checkRuntime } from './runtime.ts'
import { checkScanners } from './scanner.ts'
import { checkSettings } from './settings.ts'
import { checkSlot } from './slot.ts'
import { checkSpool } from './spool.ts'

interface CheckOptions extends HostOptions {
  removal: boolean
  json: boolean
}

type Check = (host: Host) => Finding[] | Promise<Finding[]>

const checks: readonly Check[] = [
  checkSettings,
  checkPrograms,
  checkRuntime,
  checkEngine,
  checkSpool,
  checkKeyring,
  checkClamd,
  checkScanners,
  checkQuota,
  checkSlot,
  checkErrorFd,
]

/** `onescan check`: what would keep the slot from working here, and what to do about it. */
export const checkCommand: CommandModule<object, CheckOptions> = {
  command: 'check',
  describe: 'Look at this host as the slot would see it: is it scanning?',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .option('run', {
        type: 'string',
        requiresArg: true,
        describe: "The service's run script: its limits, account, envdir and variables",
      })
      .option('user', {
        type: 'string',
        requiresArg: true,
        describe: 'Account of the slot [default: by --run; else qmaild for root, or yourself]',
      })
      .option('program', {
        type: 'string',
        requiresArg: true,
        describe: 'The slot program [default: QMAILQUEUE, else the onescan-queue of this onescan]',
      })
      .option('removal', {
        type: 'boolean',
        default: false,
        describe: 'List what still names the programs, before they are removed; nothing else',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .example('$0 check --run /service/smtpd/run', 'As the SMTP service runs it (as root)')
      .example("$0 check --env QHPSI='plugin: clamd'", 'Where tcp.smtp sets QHPSI')
      .epilogue(
        'Sends the harmless test file of eicar.org through the scanners and the slot; nothing is ' +
          'delivered.\n\nExit codes: 0 all is well; 1 there are warnings; 2 there are errors.',
      ),
  handler: (args) => runCommand('check', () => check(args)),
}

async function check(args: ArgumentsCamelCase<CheckOptions>): Promise<number> {
  if (args.removal) return report(checkRemoval(removalHere()), args.json)
  const host = lookAtHost(args, process.env, readAccounts(), Date.now())
  const findings: Finding[] = []
  if (!args.json) print(`as ${accountText(host)}\n`)
  for (const look of checks) {
    for (const finding of await carefully(look, host)) {
      findings.push(finding)
      if (!args.json) print(`${findingLine(finding)}\n`)
    }
  }
  if (args.json) printJson(findings)
  return exitCodeOf(findings)
}

function report(findings: readonly Finding[], json: boolean): number {
  if (json) printJson(findings)
  else print(findings.map((finding) => `${findingLine(finding)}\n`).join(''))
  return exitCodeOf(findings)
}

/** What a check stumbles over is a finding, too, and the next one is made all the same. */
async function carefully(look: Check, host: Host): Promise<Finding[]> {
  try {
    return await look(host)
  } catch (thrown) {
    return [error('check', errorText(thrown), 'see whether the file is there and can be read')]
  }
}
