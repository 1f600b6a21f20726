import { existsSync } from 'node:fs'
import type { Argv } from 'yargs'
import { flag, printsJson, text } from '../shared/options.ts'
import { addEnvironmentOptions } from '../shared/slot-environment.ts'
import { findMailServers, type MailServer } from './by-rule/mail-servers.ts'
import { namesSlot, type SlotOptions } from './slot/slot-hosts.ts'

/** The options of `onescan check`. */
export interface CheckOptions extends SlotOptions {
  readonly daemon: boolean
  readonly mail: string | undefined
  readonly postfix: string | undefined
  readonly log: readonly string[]
  readonly json: boolean
}

export function addCheckOptions(yargs: Argv<object>): Argv<CheckOptions> {
  return addEnvironmentOptions(yargs)
    .option('pid', text('Only this running service: the process of its tcpserver'))
    .option('postfix', {
      type: 'string',
      describe: 'Look only at Postfix (of this configuration directory)',
    })
    .option(
      'daemon',
      flag(
        'Look only at the onescand that runs: its settings, and changed files; or why it does not run',
      ),
    )
    .option(
      'mail',
      text('Send one clean mail and the EICAR test file to this address by each way of the server'),
    )
    .option('log', {
      type: 'string',
      array: true,
      nargs: 1,
      default: [] as string[],
      describe: 'With --mail: a log of onescan in another place than usual; repeat it',
    })
    .option('json', printsJson)
    .example("$0 check --env QHPSI='plugin: clamd'", 'If tcp.smtp sets QHPSI')
    .epilogue(
      'Sends the harmless test file of eicar.org through the scanners and the slot; nothing is ' +
        'delivered but with --mail.\n\nExit codes: 0 all is well; 1 there are warnings; 2 there are errors, ' +
        'or it failed.',
    ) as never
}

/**
 * The mail servers to look at: the one that the options name, the slot if an option or variable says how it
 * is set up, else all of this host.
 */
export function serversToCheck(options: CheckOptions): MailServer[] {
  if (options.postfix !== undefined) return ['Postfix']
  return namesSlot(options) ? ['qmail'] : findMailServers(existsSync)
}

/** Whether no option or variable says what to check: then everything on this host is checked. */
export function isWholeHost(options: CheckOptions): boolean {
  return options.postfix === undefined && !namesSlot(options)
}
