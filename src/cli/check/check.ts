import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { print, printJson, runCommand } from '../run-command.ts'
import { addEnvironmentOptions } from '../slot-environment.ts'
import { readAccounts } from './account.ts'
import { tryAsAccount } from './as-account.ts'
import { type Check, carefully } from './carefully.ts'
import { checkPrograms } from './chain.ts'
import { exitCodeOf, type Finding, findingLine } from './finding.ts'
import { accountText, type HostOptions, lookAtHost } from './host.ts'
import { checkKeyring } from './keyring.ts'
import { checkRemoval, removalHere } from './removal.ts'
import { checkSettings } from './settings.ts'

interface CheckOptions extends HostOptions {
  removal: boolean
  json: boolean
}

/** What only looks: as root at all that the slot's account may not read. Trials are made elsewhere. */
const looks: readonly Check[] = [checkSettings, checkPrograms, checkKeyring]

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
  const tell = (finding: Finding) => {
    findings.push(finding)
    if (!args.json) print(`${findingLine(finding)}\n`)
  }
  if (!args.json) print(`as ${accountText(host)}\n`)
  for (const look of looks) {
    for (const finding of await carefully(look, host)) tell(finding)
  }
  for await (const finding of tryAsAccount(host, args.user !== undefined)) tell(finding)
  if (args.json) printJson(findings)
  return exitCodeOf(findings)
}

function report(findings: readonly Finding[], json: boolean): number {
  if (json) printJson(findings)
  else print(findings.map((finding) => `${findingLine(finding)}\n`).join(''))
  return exitCodeOf(findings)
}
