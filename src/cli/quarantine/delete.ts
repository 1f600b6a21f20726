import type { CommandModule } from 'yargs'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { findEntry } from '../../quarantine/entries.ts'
import { deleteEntry } from '../../quarantine/release.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import { isAlive } from './is-alive.ts'
import { logAction } from './log-action.ts'
import { addDirectoryOption, callerName, type QuarantineOptions, withQuarantine } from './open.ts'

interface DeleteOptions extends QuarantineOptions {
  readonly ids: readonly string[]
  readonly json: boolean
}

/** `onescan quarantine delete ID...`: removes messages for good. */
export const deleteCommand: CommandModule<object, DeleteOptions> = {
  command: 'delete <ids..>',
  describe: 'Remove messages from quarantine for good',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .positional('ids', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Their ids, as in the list',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .epilogue('Exit codes: 0 all are removed; 2 one was not.') as never,
  handler: (args) => {
    const who = callerName()
    return runCommand('quarantine delete', args, (output) =>
      withQuarantine(args.directory, (root) => remove(root, args.ids, who, output)),
    )
  },
}

async function remove(
  root: PathHandle,
  ids: readonly string[],
  who: string,
  output: Output,
): Promise<number> {
  let deleted = 0
  for (const id of ids) {
    try {
      const entry = findEntry(root, id)
      if (entry === undefined) throw new Fault('config', `${id}: is not in quarantine`)
      await deleteEntry(root, entry, isAlive)
      deleted++
      await logAction(root, [['quarantine', 'delete'], ['kept', id], ['grounds', entry.grounds], ['who', who]]) // biome-ignore format: a pair a line is longer to read
      output.text(`${id}: deleted\n`)
      await output.result({ id, deleted: true })
    } catch (error) {
      output.error(errorText(error))
    }
  }
  output.sum({ deleted })
  return deleted === ids.length ? 0 : FAILED
}
