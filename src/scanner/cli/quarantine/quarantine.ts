import type { CommandModule } from 'yargs'
import { errorText, Fault } from '../../../base/errors/fault.ts'
import type { LogField } from '../../../base/log/line-format.ts'
import { deleteEntry } from '../../scan/quarantine/begin-release.ts'
import {
  entriesIn,
  type OpenMessage,
  openMessage,
  type QuarantineEntry,
  RecordReader,
} from '../../scan/quarantine/entries.ts'
import type { QuarantineRecord } from '../../scan/quarantine/record.ts'
import { flag, printsJson } from '../command/cli-options.ts'
import { FAILED, makeCommand, type Output } from '../command/run-command.ts'
import { lineForTerminal, writeOut } from '../command/terminal.ts'
import { spanOf, spanOptions } from '../mail/log-arguments.ts'
import { answerCommand } from './api-command.ts'
import { handOnCommand } from './by-caller.ts'
import { digestCommand } from './digest.ts'
import { addDirectoryOption, noteAction, withQuarantine } from './directory.ts'
import { releaseCommand } from './release.ts'
import { asUtf8 } from './shown-message.ts'

/** `onescan quarantine`: mail that QUARANTINE keeps. */
export const quarantineCommand: CommandModule = {
  command: 'quarantine',
  describe: 'List, show, release, delete and report mail in quarantine',
  builder: (yargs) =>
    yargs
      .command(listCommand)
      .command(showCommand)
      .command(releaseCommand)
      .command(deleteCommand)
      .command(digestCommand)
      .command({ ...handOnCommand, describe: false })
      .command({ ...answerCommand, describe: false })
      .demandCommand(1, 'Specify a subcommand: list, show ID, release ID, delete ID..., or digest')
      .example('$0 quarantine list --since yesterday', 'What was quarantined since then'),
  handler: () => {},
}

/** The exit code if there is nothing to list. */
const NOTHING = 1

/** `onescan quarantine list`: lists the messages that are kept. */
const listCommand = makeCommand('quarantine list', {
  command: 'list',
  describe: 'Show what is in quarantine, the oldest first',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .options(spanOptions)
      .option('released', flag('Also list released messages'))
      .option('json', printsJson)
      .example('$0 quarantine list --since 1h', 'What was quarantined in the last hour')
      .epilogue(
        'Exit codes: 0 messages are listed; 1 there are none; 2 the quarantine cannot be read.',
      ),
  work: (args, output) =>
    withQuarantine(args.directory, async (root) => {
      let messages = 0
      let released = 0
      let bytes = 0
      const range = spanOf(args, Date.now())
      const foreign: unknown[] = []
      const records = new RecordReader(root)
      for await (const entry of entriesIn(root, range, (reason) => void foreign.push(reason))) {
        if (entry.state === 'released' && !args.released) {
          released++
          continue
        }
        try {
          const found = await records.read(entry)
          if (found === undefined) continue
          const { record } = found
          messages++
          bytes += entry.size
          output.text(describeEntry(entry, record))
          await output.result(entryAsObject(entry, record))
        } catch (error) {
          output.error(`${entry.id}: ${errorText(error)}`)
        }
      }
      records.close()
      for (const reason of foreign) output.error(errorText(reason))
      output.sum({ messages, bytes })
      if (messages === 0) {
        const isAll = args.since === undefined && args.until === undefined
        const more = released > 0 ? `, but ${released} released; --released shows them` : ''
        output.text(`no messages${isAll ? '' : ' of that period'} are in quarantine${more}\n`)
      }
      return messages > 0 ? 0 : NOTHING
    }),
})

/** Upper limit for the recipients that a line of the list names. */
const RECIPIENTS_SHOWN = 3

function describeEntry(entry: QuarantineEntry, record: QuarantineRecord): string {
  const { sender, recipients } = record
  const shown = recipients.slice(0, RECIPIENTS_SHOWN).map(inBrackets).join(', ')
  const more =
    recipients.length > RECIPIENTS_SHOWN ? ` +${recipients.length - RECIPIENTS_SHOWN}` : ''
  const state = entry.state === 'kept' ? '' : `, ${entry.state}`
  const when = record.time.slice(0, 19).replace('T', ' ')
  return `${entry.id}  ${when}Z  ${whyInWords(record)}  ${entry.size} bytes  from ${inBrackets(sender)} to ${shown}${more}${state}\n`
}

/** Returns the reason for which a message is kept, with the finding: `virus: Eicar-Test-Signature`. */
function whyInWords({ grounds, found }: QuarantineRecord): string {
  return lineForTerminal(asUtf8(found ? `${grounds}: ${found}` : grounds))
}

function inBrackets(address: string): string {
  return `<${lineForTerminal(asUtf8(address))}>`
}

function entryAsObject(
  { id, size, state, grounds }: QuarantineEntry,
  record: QuarantineRecord,
): object {
  const { sender, recipients, found, log } = record
  return {
    ...record,
    ...{ sender: asUtf8(sender), recipients: recipients.map(asUtf8), log: asUtf8(log) },
    ...(found !== undefined && { found: asUtf8(found) }),
    ...{ id, grounds, size, state },
  }
}

/** The bytes of a message that are shown. */
const BYTES_SHOWN = 16 * 1024

/** `onescan quarantine show ID`: prints the record of a message, and its beginning. */
const showCommand = makeCommand('quarantine show', {
  command: 'show <id>',
  describe: 'Show the record and the beginning of a message in quarantine',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .positional('id', { type: 'string', demandOption: true, describe: 'Its id, as in the list' })
      .option('raw', flag('Print only the message, as it is kept, with LF; not to a terminal'))
      .option('json', printsJson)
      .epilogue('Exit codes: 0 it is shown; 2 it does not exist, or cannot be read.'),
  work({ directory, id, raw, json }, output) {
    if (raw && json) throw new Fault('config', '--raw and --json exclude each other: choose one')
    if (raw && process.stdout.isTTY) {
      throw new Fault(
        'config',
        '--raw: cannot print to a terminal; redirect it to a file, or omit it',
      )
    }
    return withQuarantine(directory, async (root) => {
      const opened = await openMessage(root, id)
      await (raw ? print(opened) : show(opened, output)).finally(() => opened.close())
      return 0
    })
  },
})

async function print(opened: OpenMessage): Promise<void> {
  for await (const piece of opened.message()) await writeOut(piece)
}

async function show(opened: OpenMessage, output: Output): Promise<void> {
  const { entry, record } = opened
  const chunks: Buffer[] = []
  let length = 0
  for await (const piece of opened.message()) {
    if (length < BYTES_SHOWN) chunks.push(piece.subarray(0, BYTES_SHOWN - length))
    length += piece.length
  }
  const start = Buffer.concat(chunks)
  await output.result({ ...entryAsObject(entry, record), start: start.toString('latin1') })
  const lines = [
    `id          ${entry.id} (${entry.state})`,
    `kept        ${record.time} on ${record.host}, by the ${record.door} interface`,
    `grounds     ${record.grounds}${record.found ? `: ${record.found}` : ''}`,
    `sender      <${record.sender}>`,
    ...record.recipients.map((recipient) => `recipient   <${recipient}>`),
    `size        ${entry.size} bytes`,
    ...(record.remote ? [`client      ${record.remote}`] : []),
    ...(record.queue ? [`queue       ${record.queue}`] : []),
    `log         ${record.log}`,
  ]
  output.text(`${lines.map((line) => lineForTerminal(asUtf8(line))).join('\n')}\n\n`)
  output.text(start.toString().replace(/\r\n/g, '\n'))
  if (entry.size > BYTES_SHOWN) output.text(`\n[${entry.size - BYTES_SHOWN} bytes more]\n`)
}

/** `onescan quarantine delete ID...`: removes messages permanently. */
const deleteCommand = makeCommand('quarantine delete', {
  command: 'delete <ids..>',
  describe: 'Delete messages from quarantine',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .positional('ids', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Their ids, as in the list',
      })
      .option('json', printsJson)
      .epilogue('Exit codes: 0 all are removed; 2 at least one was not.'),
  work: ({ directory, ids }, output) =>
    withQuarantine(directory, async (root) => {
      let deleted = 0
      for (const id of ids) {
        try {
          const { grounds } = await deleteEntry(root, id)
          deleted++
          output.text(`${id}: deleted\n`)
          await output.result({ id, deleted: true })
          const fields: readonly LogField[] = [
            ['quarantine', 'delete'],
            ['kept', id],
            ['grounds', grounds],
          ]
          await noteAction(root, fields, output)
        } catch (error) {
          output.error(errorText(error))
        }
      }
      output.sum({ deleted })
      return deleted === ids.length ? 0 : FAILED
    }),
})
