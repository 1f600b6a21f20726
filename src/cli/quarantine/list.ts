import type { CommandModule } from 'yargs'
import { errorCode, errorText } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { entriesIn, type QuarantineEntry } from '../../scan/quarantine/entries.ts'
import { withFolder } from '../../scan/quarantine/folders.ts'
import { openEntry, type QuarantineRecord } from '../../scan/quarantine/record.ts'
import { spanOf, spanOptions } from '../shared/log-arguments.ts'
import { flag, printsJson } from '../shared/options.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { lineForTerminal } from '../shared/terminal.ts'
import { addDirectoryOption, type QuarantineOptions, withQuarantine } from './options.ts'

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
    runCommand('quarantine list', args, (output) =>
      withQuarantine(args, (root) => list(root, args, output)),
    ),
}

async function list(root: PathHandle, args: ListOptions, output: Output): Promise<number> {
  let messages = 0
  let bytes = 0
  const range = spanOf(args, Date.now())
  const foreign: unknown[] = []
  for (const entry of entriesIn(root, range, (why) => void foreign.push(why))) {
    if (entry.state === 'released' && !args.released) continue
    try {
      const record = await recordOf(root, entry)
      if (record === undefined) continue
      messages++
      bytes += entry.size
      output.text(inWords(entry, record))
      await output.result(entryAsObject(entry, record))
    } catch (error) {
      // Somebody may have released or deleted it meanwhile.
      if (errorCode(error) !== 'ENOENT') output.error(`${entry.id}: ${errorText(error)}`)
    }
  }
  for (const why of foreign) output.error(errorText(why))
  output.sum({ messages, bytes })
  if (messages === 0) output.text('no such message is in quarantine\n')
  return messages > 0 ? 0 : NOTHING
}

/** Reads the record of a message, and no more; undefined if its folder is gone. */
async function recordOf(
  root: PathHandle,
  { grounds, day, part, file }: QuarantineEntry,
): Promise<QuarantineRecord | undefined> {
  let record: QuarantineRecord | undefined
  await withFolder(root, grounds, day, async (folder) => {
    const opened = await openEntry(folder, part, file)
    record = opened.record
    await opened.close()
  })
  return record
}

/** The most recipients that a line of the list names. */
const SHOWN = 3

function inWords(entry: QuarantineEntry, record: QuarantineRecord): string {
  const { sender, recipients } = record
  const shown = recipients.slice(0, SHOWN).map(inBrackets).join(', ')
  const more = recipients.length > SHOWN ? ` +${recipients.length - SHOWN}` : ''
  const state = entry.state === 'kept' ? '' : `, ${entry.state}`
  const when = record.time.slice(0, 19).replace('T', ' ')
  return `${entry.id}  ${when}Z  ${whyInWords(record)}  ${entry.size} bytes  from ${inBrackets(sender)} to ${shown}${more}${state}\n`
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
  record: QuarantineRecord,
): object {
  return { ...record, id, grounds, size, state }
}
