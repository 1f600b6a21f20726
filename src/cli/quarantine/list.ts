import type { CommandModule } from 'yargs'
import { errorText } from '../../ground/errors/fault.ts'
import type { QuarantineEntry } from '../../quarantine/entries.ts'
import type { QuarantineRecord } from '../../quarantine/record.ts'
import { lineForTerminal } from '../shared/for-terminal.ts'
import { spanOf, spanOptions } from '../shared/log-arguments.ts'
import { flag, printsJson } from '../shared/options.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { type WorkConversation, workAsOwner } from './as-owner.ts'
import { type Examined, examineRecord } from './examine.ts'
import { addDirectoryOption, callerName, type QuarantineOptions } from './options.ts'

export interface ListOptions extends QuarantineOptions {
  readonly since?: string
  readonly until?: string
  readonly released: boolean
  readonly json: boolean
}

/** The exit code if there is nothing to list. */
const NOTHING = 1

/** `onescan quarantine list`: lists the messages that are kept. */
export const listCommand: CommandModule<object, ListOptions> = {
  command: 'list',
  describe: 'Show what is in quarantine, the oldest first',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .options(spanOptions)
      .option('released', flag('Released messages, too'))
      .option('json', printsJson)
      .example('$0 quarantine list --since 1h', 'What was kept in the last hour')
      .epilogue(
        'Exit codes: 0 something is there; 1 nothing is; 2 it cannot be looked at.',
      ) as never,
  handler: (args) =>
    runCommand('quarantine list', args, (output) => {
      const { directory } = args
      const job = {
        act: 'list',
        directory,
        who: callerName(),
        ...spanOf(args, Date.now()),
      } as const
      return workAsOwner(job, (conversation) => list(conversation, args, output))
    }),
}

async function list(
  conversation: WorkConversation,
  args: ListOptions,
  output: Output,
): Promise<number> {
  let messages = 0
  let bytes = 0
  for await (const answer of conversation.answers()) {
    if (answer.kind !== 'file') {
      if (answer.kind !== 'done') output.error(answer.text)
      continue
    }
    const { entry } = answer
    if (entry.state === 'released' && !args.released) continue
    const examined = await examineRecord(answer.bytes).catch((error) => {
      output.error(`${entry.id}: ${errorText(error)}`)
    })
    if (!examined) continue
    messages++
    bytes += entry.size
    output.text(inWords(entry, examined))
    await output.result(entryAsObject(entry, examined))
  }
  output.sum({ messages, bytes })
  if (messages === 0) output.text('no such message is in quarantine\n')
  return messages > 0 ? 0 : NOTHING
}

/** The most recipients that a line of the list names. */
const SHOWN = 3

function inWords(entry: QuarantineEntry, { record, digest }: Examined): string {
  const { sender, recipients } = record
  const shown = recipients.slice(0, SHOWN).map(inBrackets).join(', ')
  const more = recipients.length > SHOWN ? ` +${recipients.length - SHOWN}` : ''
  const state = entry.state === 'kept' ? '' : `, ${entry.state}`
  const when = record.time.slice(0, 19).replace('T', ' ')
  return `${entry.id} ${digest}  ${when}Z  ${whyInWords(record)}  ${entry.size} bytes  from ${inBrackets(sender)} to ${shown}${more}${state}\n`
}

/** The grounds on which a message is kept, with what was found: `virus: Eicar-Test-Signature`. */
function whyInWords({ grounds, found }: QuarantineRecord): string {
  return lineForTerminal(found ? `${grounds}: ${found}` : grounds)
}

function inBrackets(address: string): string {
  return `<${lineForTerminal(address)}>`
}

export function entryAsObject(
  { id, size, state, grounds }: QuarantineEntry,
  { record, digest }: Examined,
): object {
  return { ...record, id, grounds, size, state, digest }
}
