import type { CommandModule } from 'yargs'
import { Fault } from '../../ground/errors/fault.ts'
import type { QuarantineEntry } from '../../quarantine/entries.ts'
import { lineForTerminal } from '../shared/for-terminal.ts'
import { flag, printsJson } from '../shared/options.ts'
import { type Output, runCommand } from '../shared/run-command.ts'
import { type WorkConversation, workAsOwner } from './as-owner.ts'
import { examine } from './examine.ts'
import { entryAsObject } from './list.ts'
import { addDirectoryOption, callerName, type QuarantineOptions } from './options.ts'

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
      const job = {
        act: 'show',
        directory: args.directory,
        id: args.id,
        who: callerName(),
      } as const
      return workAsOwner(job, (conversation) => show(conversation, args, output))
    }),
}

async function show(
  conversation: WorkConversation,
  { id, raw, json }: ShowOptions,
  output: Output,
): Promise<number> {
  if (raw && json) throw new Fault('config', '--raw and --json exclude each other: choose one')
  if (raw && process.stdout.isTTY) {
    throw new Fault('config', '--raw is not for a terminal: send it to a file, or leave it out')
  }
  for await (const answer of conversation.answers()) {
    if (answer.kind !== 'file' || answer.entry.id !== id) {
      throw new Fault('read', 'text' in answer ? answer.text : `${id}: is not what was found`)
    }
    if (raw) await examine(answer.bytes, writeBytes)
    else await showFile(answer.entry, answer.bytes, output)
    return 0
  }
  throw new Fault('config', `${id}: is not in quarantine`)
}

async function showFile(
  entry: QuarantineEntry,
  file: AsyncIterable<Buffer>,
  output: Output,
): Promise<void> {
  const chunks: Buffer[] = []
  let length = 0
  const examined = await examine(file, (piece) => {
    if (length >= SHOWN) return
    chunks.push(piece.subarray(0, SHOWN - length))
    length += piece.length
  })
  const start = Buffer.concat(chunks).toString('latin1')
  const { record, digest } = examined
  await output.result({ ...entryAsObject(entry, examined), start })
  const lines = [
    `id          ${entry.id} (${entry.state})`,
    `digest      ${digest}`,
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

async function writeBytes(chunk: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    process.stdout.write(chunk, (error) => (error ? reject(error) : resolve()))
  })
}
