import type { CommandModule } from 'yargs'
import { errorText } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { deleteEntry } from '../../scan/quarantine/release.ts'
import { printsJson } from '../shared/options.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import { noteAction } from './note-action.ts'
import {
  addDirectoryOption,
  callerName,
  type QuarantineOptions,
  withQuarantine,
} from './options.ts'

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
      .option('json', printsJson)
      .epilogue('Exit codes: 0 all are removed; 2 one was not.') as never,
  handler: (args) =>
    runCommand('quarantine delete', args, (output) =>
      withQuarantine(args, (root) => remove(root, args.ids, output)),
    ),
}

async function remove(root: PathHandle, ids: readonly string[], output: Output): Promise<number> {
  let deleted = 0
  for (const id of ids) {
    try {
      const { grounds } = await deleteEntry(root, id)
      deleted++
      output.text(`${id}: deleted\n`)
      await output.result({ id, deleted: true })
      const who = callerName()
      await noteAction(root, [['quarantine', 'delete'], ['kept', id], ['grounds', grounds], ['who', who]], output) // biome-ignore format: a line
    } catch (error) {
      output.error(errorText(error))
    }
  }
  output.sum({ deleted })
  return deleted === ids.length ? 0 : FAILED
}
