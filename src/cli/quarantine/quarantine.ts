import type { CommandModule } from 'yargs'
import { runCommand } from '../shared/run-command.ts'
import { WORK } from './as-owner.ts'
import { deleteCommand } from './delete.ts'
import { listCommand } from './list.ts'
import { releaseCommand } from './release.ts'
import { showCommand } from './show.ts'
import { doWork } from './work.ts'

/** `onescan quarantine`: mail that QUARANTINE keeps. */
export const quarantineCommand: CommandModule = {
  command: 'quarantine',
  describe: 'Look at mail in quarantine, release it, or delete it',
  builder: (yargs) =>
    yargs
      .command(listCommand)
      .command(showCommand)
      .command(releaseCommand)
      .command(deleteCommand)
      .demandCommand(1, 'Name what to do: list, show ID, release ID DIGEST, or delete ID...')
      .example('$0 quarantine list --since yesterday', 'What was kept since then'),
  handler: () => {},
}

/** The part of these commands that runs as the account of the quarantine. Nothing else starts it. */
export const quarantineWorkCommand: CommandModule = {
  command: WORK,
  describe: false,
  handler: () =>
    runCommand(WORK, { json: false }, async () => {
      await doWork(process.stdin, process.stdout)
      return 0
    }),
}
