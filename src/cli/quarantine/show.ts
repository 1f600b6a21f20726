import type { CommandModule } from 'yargs'
import { Fault } from '../../ground/errors/fault.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { findEntry } from '../../quarantine/entries.ts'
import { findFolder } from '../../quarantine/folders.ts'
import { openEntry } from '../../quarantine/open-entry.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { entryAsObject, oneLine } from './list.ts'
import { addDirectoryOption, type QuarantineOptions, withQuarantine } from './open.ts'

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
      .option('raw', {
        type: 'boolean',
        default: false,
        describe: 'Print the message alone, byte for byte, as it came: not for a terminal',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
      .epilogue('Exit codes: 0 it is shown; 2 it is not there, or cannot be read.') as never,
  handler: (args) =>
    runCommand('quarantine show', args, (output) =>
      withQuarantine(args.directory, (root) => show(root, args, output)),
    ),
}

async function show(
  root: PathHandle,
  { id, raw, json }: ShowOptions,
  output: Output,
): Promise<number> {
  if (raw && json) throw new Fault('config', '--raw and --json exclude each other: choose one')
  if (raw && process.stdout.isTTY) {
    throw new Fault('config', '--raw is not for a terminal: send it to a file, or leave it out')
  }
  const entry = findEntry(root, id)
  const folder = entry && findFolder(root, entry.grounds, entry.day)
  if (!entry || !folder) throw new Fault('config', `${id}: is not in quarantine`)
  try {
    const opened = await openEntry(folder, entry.part, entry.file)
    const { record } = opened
    try {
      if (raw) await writeBytes(opened.message())
      else {
        const start = await startOf(opened.message())
        await output.result({ ...entryAsObject(entry, record), start: start.toString('latin1') })
        const lines = [
          `id          ${id} (${entry.state})`,
          `kept        ${record.time} on ${record.host}, by the ${record.door}`,
          `grounds     ${record.grounds}${record.found ? `: ${record.found}` : ''}`,
          `sender      <${record.sender}>`,
          ...record.recipients.map((recipient) => `recipient   <${recipient}>`),
          `size        ${entry.size} bytes`,
          ...(record.remote ? [`client      ${record.remote}`] : []),
          ...(record.queue ? [`queue       ${record.queue}`] : []),
          `log         ${record.log}`,
        ]
        output.text(`${lines.map(oneLine).join('\n')}\n\n`)
        output.text(start.toString('latin1').replace(/\r\n/g, '\n'))
        if (entry.size > SHOWN) output.text(`\n[${entry.size - SHOWN} bytes more]\n`)
      }
    } finally {
      await opened.close()
    }
  } finally {
    folder.close()
  }
  return 0
}

async function startOf(message: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of message) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= SHOWN) break
  }
  return Buffer.concat(chunks).subarray(0, SHOWN)
}

async function writeBytes(message: AsyncIterable<Buffer>): Promise<void> {
  for await (const chunk of message) {
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()))
    })
  }
}
