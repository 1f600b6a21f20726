import type { CommandModule } from 'yargs'
import { deleteCommand } from './delete.ts'
import { listCommand } from './list.ts'
import { releaseCommand } from './release.ts'
import { showCommand } from './show.ts'

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
      .demandCommand(1, 'Name what to do: list, show ID, release ID, or delete ID...')
      .example('$0 quarantine list --since yesterday', 'What was kept since then'),
  handler: () => {},
}
