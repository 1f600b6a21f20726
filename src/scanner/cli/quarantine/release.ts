import type { Environment } from '../../../base/process/environment.ts'
import { formatCount } from '../../../base/text/units.ts'
import { ALL_MAIL } from '../../desk/reader.ts'
import { type Released, releaseEntry, signingKeys } from '../../desk/release-entry.ts'
import {
  parseDefaultRoute,
  parseRoute,
  type ReleaseRoute,
  type RouteName,
} from '../../desk/send-again.ts'
import { flag, printsJson, textOption, textOptions } from '../command/cli-options.ts'
import { FAILED, makeCommand, type Output } from '../command/run-command.ts'
import { addEnvironmentOptions, slotEnvironment } from '../host/slot-environment.ts'
import { BY_CALLER, CallerRoute, endAnswers } from './by-caller.ts'
import { addDirectoryOption, atDesk, noteOf } from './directory.ts'
import { forEachMeant, idsArgument, searchOptions, yesOption } from './meant-messages.ts'

/** `onescan quarantine release ID`: sends a message on to its recipients. */
export const releaseCommand = makeCommand('quarantine release', {
  command: 'release [ids..]',
  describe: 'Send messages in quarantine to their recipients',
  builder: (yargs) =>
    addEnvironmentOptions(addDirectoryOption(yargs))
      .positional('ids', idsArgument)
      .options({ ...searchOptions, ...yesOption })
      .option(
        'by',
        textOption(
          'chain, sendmail, or HOST:PORT for SMTP [default: chain for qmail, 127.0.0.1:25 for the milter, else sendmail]',
        ),
      )
      .option(
        'to',
        textOptions('Send it to this address instead of its recipients; may be repeated'),
      )
      .option(
        'again',
        flag('Release it even if interrupted or released: to those who lack it, else to all'),
      )
      .option('stamp', {
        type: 'boolean',
        default: true,
        describe: 'Add a stamp, so that no host of the cluster scans it; --no-stamp adds none',
      })
      .option('json', printsJson)
      .epilogue(
        'CLUSTERKEYS, QUEUECHAIN and QMAILHOME apply.\n\n' +
          'Exit codes: 0 all were sent; 2 at least one was not, and is still in quarantine.',
      ),
  work(args, output) {
    output.sum({ released: 0 })
    const note = noteOf(output)
    const env = slotEnvironment(process.env, args)
    const run = {
      to: (args.to ?? []).map((address) => Buffer.from(address).toString('latin1')),
      keys: () => (args.stamp ? signingKeys(env) : []),
      reader: ALL_MAIL,
      isRouted: args.by !== undefined && args.by !== BY_CALLER,
      // By default the route of the door that kept the message.
      routes: {
        chain: routeBy(args.by, 'chain', env),
        smtp: routeBy(args.by, 'smtp', env),
        sendmail: routeBy(args.by, 'sendmail', env),
      },
    }
    return atDesk(args.directory, async (desk) => {
      const { count, failed } = await forEachMeant(desk, args, output, 'released', async (id) =>
        report(await releaseEntry(desk.root, { id, mayRepeat: args.again }, run, note), output),
      ).finally(endAnswers)
      output.sum({ released: count })
      return failed > 0 ? FAILED : 0
    })
  },
})

/** Returns the route that --by names, or the default. */
export function routeBy(by: string | undefined, route: RouteName, env: Environment): ReleaseRoute {
  if (by === BY_CALLER) return new CallerRoute(route)
  return by === undefined ? parseDefaultRoute(route, env) : parseRoute(by, env)
}

async function report(
  { id, by, answer, recipients, isSigned, isBack }: Released,
  output: Output,
): Promise<void> {
  const again =
    '; it has no stamp, so each onescan on its way scans it, and may quarantine it again'
  const reply = answer && `, which answered ${answer}`
  const unsigned = isSigned ? '' : again
  const sent = `sent by ${by} to ${formatCount(recipients.length, 'recipient')}${reply}${unsigned}`
  output.text(`${id}: ${isBack ? `put back as ${by}` : sent}\n`)
  await output.result({ id, released: true, by, recipients, answer })
}
