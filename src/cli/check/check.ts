import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { runCommand } from '../run-command.ts'
import { addEnvironmentOptions } from '../slot-environment.ts'
import { readAccounts } from './account.ts'
import { tryAsAccount } from './as-account.ts'
import { type Check, carefully } from './carefully.ts'
import { checkPrograms } from './chain.ts'
import { checkContradictions } from './contradictions.ts'
import type { Finding } from './finding.ts'
import { accountText, type HostOptions, lookAtHost } from './host.ts'
import { checkKeyring } from './keyring.ts'
import { checkRemoval, removalHere } from './removal.ts'
import { report } from './report.ts'
import { checkSettings } from './settings.ts'
import { checkVariables } from './variables.ts'

interface CheckOptions extends HostOptions {
  removal: boolean
  json: boolean
}

/** What only looks: as root at all that the slot's account may not read. Trials are made elsewhere. */
const looks: readonly Check[] = [
  checkSettings,
  checkVariables,
  checkContradictions,
  checkPrograms,
  checkKeyring,
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
  const { json } = args
  if (args.removal) return report(checkRemoval(removalHere()), { json })
  const host = lookAtHost(args, process.env, readAccounts(), Date.now())
  const findings: Finding[] = []
  for (const look of looks) findings.push(...(await carefully(look, host)))
  for await (const finding of tryAsAccount(host, args.user !== undefined)) findings.push(finding)
  return report(findings, { json, heading: `as ${accountText(host)}` })
}
