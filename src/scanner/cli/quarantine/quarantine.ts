import type { CommandModule } from 'yargs'
import { Fault } from '../../../base/errors/fault.ts'
import { firstBytes } from '../../../base/flow/first-bytes.ts'
import { harmlessLine } from '../../../base/text/harmless.ts'
import { shortNumber } from '../../../base/text/short-number.ts'
import { type Desk, type FoundMessage, statesOf } from '../../desk/desk.ts'
import { asUtf8, type ShownMessage } from '../../desk/shown-message.ts'
import type { OpenMessage } from '../../scan/quarantine/entries.ts'
import { receiptOf } from '../../scan/quarantine/receipts.ts'
import type { QuarantineRecord } from '../../scan/quarantine/record.ts'
import { releasedText } from '../../scan/replies/found-in-words.ts'
import { flag, printsJson } from '../command/cli-options.ts'
import { FAILED, makeCommand, type Output } from '../command/run-command.ts'
import { refuseTerminal, writeOut } from '../command/terminal.ts'
import { answerCommand } from './api-command.ts'
import { handOnCommand } from './by-caller.ts'
import { digestCommand } from './digest.ts'
import { addDirectoryOption, atDesk, noteOf } from './directory.ts'
import { complainTo, filterOf, forEachMeant, idsArgument, isSearch, searchOptions, yesOption } from './meant-messages.ts' // biome-ignore format: a line
import { releaseCommand } from './release.ts'

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
      .demandCommand(1, 'specify a subcommand: list, show ID, release ID, delete ID..., or digest')
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
      .options(searchOptions)
      .option('json', printsJson)
      .example('$0 quarantine list --since 1h', 'What was quarantined in the last hour')
      .epilogue(
        'Exit codes: 0 messages are listed; 1 there are none; 2 the quarantine cannot be read.',
      ),
  work: (args, output) =>
    atDesk(args.directory, async (desk) => {
      let messages = 0
      let released = 0
      let bytes = 0
      const all = { ...filterOf(args), states: statesOf('all') }
      for await (const found of desk.find(all, complainTo(output))) {
        if (found.entry.state === 'released' && !args.released) {
          released++
          continue
        }
        messages++
        bytes += found.entry.size
        const shown = desk.shown(found, Number.POSITIVE_INFINITY)
        output.text(describeEntry(found, shown))
        await output.result(shown)
      }
      output.sum({ messages, bytes })
      if (messages === 0) {
        const more = released > 0 ? `, but ${released} released; --released shows them` : ''
        const what = isSearch(args) ? 'no such messages' : 'no messages'
        output.text(`${what} are in quarantine${more}\n`)
      }
      return messages > 0 ? 0 : NOTHING
    }),
})

/** Upper limit for the recipients that a line of the list names. */
const RECIPIENTS_SHOWN = 3

function describeEntry({ entry, ...found }: FoundMessage, message: ShownMessage): string {
  const { record } = found
  const { sender, recipients } = record
  const shown = recipients.slice(0, RECIPIENTS_SHOWN).map(inBrackets).join(', ')
  const more =
    recipients.length > RECIPIENTS_SHOWN ? ` +${recipients.length - RECIPIENTS_SHOWN}` : ''
  const state = { kept: releasedText(message), releasing: 'releasing', released: 'released' }[entry.state] // biome-ignore format: a line
  const when = record.time.slice(0, 19).replace('T', ' ')
  const { from, subject } = message
  const texts = [from, subject].filter(Boolean).join(': ')
  return `${entry.id}  ${when}Z  ${whyInWords(record)}  ${entry.size} bytes  from ${inBrackets(sender)} to ${shown}${more}${state && `, ${state}`}\n${texts && `    ${texts}\n`}`
}

/** Returns the reason for which a message is kept, with the finding: `virus: Eicar-Test-Signature`. */
function whyInWords({ grounds, found }: QuarantineRecord): string {
  return harmlessLine(asUtf8(found ? `${grounds}: ${found}` : grounds))
}

function inBrackets(address: string): string {
  return `<${harmlessLine(asUtf8(address))}>`
}

/** The bytes of a message that are shown. */
const BYTES_SHOWN = 16 * 1024

/** `onescan quarantine show ID`: prints the record of a message, and its beginning. */
const showCommand = makeCommand('quarantine show', {
  command: 'show <id>',
  describe: 'Show the record and the beginning of a message in quarantine',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .positional('id', { type: 'string', demandOption: true, describe: 'Its id or short number' })
      .option('raw', flag('Print only the message, as it is kept, with LF; not to a terminal'))
      .option('json', printsJson)
      .epilogue('Exit codes: 0 it is shown; 2 it does not exist, or cannot be read.'),
  work({ directory, id, raw, json }, output) {
    if (raw && json) throw new Fault('config', '--raw and --json exclude each other: choose one')
    if (raw) refuseTerminal()
    return atDesk(directory, async (desk) => {
      const opened = await desk.message(await desk.idOf(id))
      await (raw ? print(opened) : show(desk, opened, output)).finally(() => opened.close())
      return 0
    })
  },
})

async function print(opened: OpenMessage): Promise<void> {
  for await (const piece of opened.message()) await writeOut(piece)
}

async function show(desk: Desk, opened: OpenMessage, output: Output): Promise<void> {
  const { entry, record } = opened
  const start = await firstBytes(opened.message(), BYTES_SHOWN)
  const shown = desk.shown({ entry, record, start }, Number.POSITIVE_INFINITY)
  const { from, subject, attachments, deletedOn, history } = shown
  const receipt = receiptOf(desk.receipts(entry.id))
  const gotIt = (recipient: string) => {
    const { at, by } = receipt(recipient) ?? {}
    return at === undefined ? '' : `, has it since ${at}, from ${by}`
  }
  await output.result({ ...shown, log: asUtf8(record.log), start: start.toString('latin1') })
  const lines = [
    `id          ${entry.id} (${entry.state})`,
    `number      ${shortNumber(entry.id)}`,
    `kept        ${record.time} on ${record.host}, by the ${record.door} interface`,
    `grounds     ${whyInWords(record)}`,
    `sender      <${asUtf8(record.sender)}>`,
    ...record.recipients.map(
      (recipient) => `recipient   <${asUtf8(recipient)}>${gotIt(recipient)}`,
    ),
    ...(from === '' ? [] : [`from        ${from}`]),
    ...(subject === null ? [] : [`subject     ${subject}`]),
    ...attachments.map((name) => `attachment  ${name}`),
    `size        ${entry.size} bytes`,
    ...(record.remote ? [`client      ${record.remote}`] : []),
    ...(record.queue ? [`queue       ${record.queue}`] : []),
    ...history.map(({ at, person, act }) => `${act.padEnd(11)} ${at} by ${person}`),
    ...(deletedOn === null ? [] : [`deleted on  ${deletedOn}`]),
    `log         ${asUtf8(record.log)}`,
  ]
  output.text(`${lines.map(harmlessLine).join('\n')}\n\n`)
  output.text(start.toString().replace(/\r\n/g, '\n'))
  if (entry.size > BYTES_SHOWN) output.text(`\n[${entry.size - BYTES_SHOWN} bytes more]\n`)
}

/** `onescan quarantine delete ID...`: removes messages permanently. */
const deleteCommand = makeCommand('quarantine delete', {
  command: 'delete [ids..]',
  describe: 'Delete messages from quarantine',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .positional('ids', idsArgument)
      .options({ ...searchOptions, ...yesOption })
      .option('json', printsJson)
      .epilogue('Exit codes: 0 all are removed; 2 at least one was not.'),
  work: (args, output) =>
    atDesk(args.directory, async (desk) => {
      const { count, failed } = await forEachMeant(desk, args, output, 'deleted', async (id) => {
        await desk.remove(id, noteOf(output))
        output.text(`${id}: deleted\n`)
        await output.result({ id, deleted: true })
      })
      output.sum({ deleted: count })
      return failed > 0 ? FAILED : 0
    }),
})
