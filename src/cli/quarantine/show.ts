import type { CommandModule } from 'yargs'
import { Fault } from '../../ground/errors/fault.ts'
import { type QuarantineEntry, withEntry } from '../../scan/quarantine/entries.ts'
import { type OpenEntry, openEntry } from '../../scan/quarantine/record.ts'
import { flag, printsJson } from '../shared/options.ts'
import { terminal } from '../shared/root-facts.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { lineForTerminal } from '../shared/terminal.ts'
import { entryAsObject } from './list.ts'
import { addDirectoryOption, type QuarantineOptions, withQuarantine } from './options.ts'

interface ShowOptions extends QuarantineOptions {
  readonly id: string
  readonly raw: boolean
  readonly json: boolean
}

/** The bytes of a message that are shown. */
export const SHOWN = 16 * 1024

/** `onescan quarantine show ID`: prints what is known about a message, and how it begins. */
export const showCommand: CommandModule<object, ShowOptions> = {
  command: 'show <id>',
  describe: 'Show what is known of a message in quarantine, and how it begins',
  builder: (yargs) =>
    addDirectoryOption(yargs)
      .positional('id', { type: 'string', demandOption: true, describe: 'Its id, as in the list' })
      .option('raw', flag('Print the message alone, byte for byte, as it came: not for a terminal'))
      .option('json', printsJson)
      .epilogue('Exit codes: 0 it is shown; 2 it is not there, or cannot be read.') as never,
  handler: (args) =>
    runCommand('quarantine show', args, (output) => {
      const { raw, json } = args
      if (raw && json) throw new Fault('config', '--raw and --json exclude each other: choose one')
      if (raw && terminal().output) {
        throw new Fault('config', '--raw is not for a terminal: send it to a file, or leave it out')
      }
      return withQuarantine(args, (root) =>
        withEntry(root, args.id, async (entry, folder) => {
          const opened = await openEntry(folder, entry.part, entry.file).finally(() =>
            folder.close(),
          )
          await (raw ? print(opened) : show(entry, opened, output)).finally(() => opened.close())
          return 0
        }),
      )
    }),
}

async function print(opened: OpenEntry): Promise<void> {
  for await (const piece of opened.message()) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(piece, (error) => (error ? reject(error) : resolve()))
    })
  }
}

async function show(entry: QuarantineEntry, opened: OpenEntry, output: Output): Promise<void> {
  const { record } = opened
  const chunks: Buffer[] = []
  let length = 0
  for await (const piece of opened.message()) {
    if (length < SHOWN) chunks.push(piece.subarray(0, SHOWN - length))
    length += piece.length
  }
  const start = Buffer.concat(chunks).toString('latin1')
  await output.result({ ...entryAsObject(entry, record), start })
  const lines = [
    `id          ${entry.id} (${entry.state})`,
    `kept        ${record.time} on ${record.host}, by the ${record.door}`,
    `grounds     ${record.grounds}${record.found ? `: ${record.found}` : ''}`,
    `sender      <${record.sender}>`,
    ...record.recipients.map((recipient) => `recipient   <${recipient}>`),
    `size        ${entry.size} bytes`,
    ...(record.remote ? [`client      ${record.remote}`] : []),
    ...(record.queue ? [`queue       ${record.queue}`] : []),
    `log         ${record.log}`,
  ]
  output.text(`${lines.map(lineForTerminal).join('\n')}\n\n`)
  output.text(start.replace(/\r\n/g, '\n'))
  if (entry.size > SHOWN) output.text(`\n[${entry.size - SHOWN} bytes more]\n`)
}
