import type { CommandModule } from 'yargs'
import { printsJson } from '../shared/options.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import { type WorkConversation, workAsOwner } from './as-owner.ts'
import { logAction } from './log-action.ts'
import { addDirectoryOption, callerName, type QuarantineOptions } from './options.ts'

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
  handler: ({ directory, ids, json }) => {
    const who = callerName()
    return runCommand('quarantine delete', { json }, (output) =>
      workAsOwner({ act: 'delete', directory, ids, who }, (conversation) =>
        remove(conversation, ids, who, output),
      ),
    )
  },
}

async function remove(
  conversation: WorkConversation,
  ids: readonly string[],
  who: string,
  output: Output,
): Promise<number> {
  let deleted = 0
  for await (const answer of conversation.answers()) {
    if (answer.kind === 'failed' || answer.kind === 'warning') output.error(answer.text)
    if (answer.kind !== 'done' || !ids.includes(answer.id)) continue
    const { id, grounds } = answer
    deleted++
    output.text(`${id}: deleted\n`)
    await output.result({ id, deleted: true })
    await logAction([['quarantine', 'delete'], ['kept', id], ['grounds', grounds], ['who', who]]) // biome-ignore format: a line
  }
  output.sum({ deleted })
  return deleted === ids.length ? 0 : FAILED
}
