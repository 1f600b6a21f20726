import * as crypto from 'node:crypto'
import { once } from 'node:events'
import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { signMessage } from '../cluster/sign.ts'
import { editHeader } from '../message/header-block.ts'
import type { Message } from '../message/message.ts'
import { readSpoolPolicy } from '../message/spool-policy.ts'
import { takeMessage } from '../scan/take-message.ts'
import { addKeyringOption, readCluster } from './shared/keyring-options.ts'
import { maxSizeOf } from './shared/max-size-option.ts'
import { addMessageArgument, type MessageArgument } from './shared/message-argument.ts'
import { readMessageBytes } from './shared/message-file.ts'
import { flag, text } from './shared/options.ts'
import { type Output, runCommand } from './shared/run-command.ts'
import {
  addEnvironmentOptions,
  type EnvironmentOptions,
  slotEnvironment,
} from './shared/slot-environment.ts'

interface SignArguments extends EnvironmentOptions, MessageArgument {
  keyring: string | undefined
  scanners: string
  json: boolean
}

const UNSIGNED = 1

/**
 * `onescan sign`: puts a stamp on top of the message. The stamp claims a scan, which this command
 * does not do.
 */
export const signCommand: CommandModule<object, SignArguments> = {
  command: 'sign <file>',
  describe: 'Put the stamp of your cluster on a message',
  builder: (yargs) =>
    addMessageArgument(addEnvironmentOptions(addKeyringOption(yargs)))
      .option(
        'scanners',
        text('Scanners that found it clean, separated by commas: s= of an hmac-sha256 stamp', {
          demandOption: true,
        }),
      )
      .option('json', flag('Print only the stamp, as JSON'))
      .example('$0 sign mail.eml --scanners clamd > stamped.eml', "With the keyring's first key")
      .epilogue(
        'Nothing is scanned: the stamp names the scanners of --scanners.\n\n' +
          'Exit codes: 0 the stamped message is on standard output; 1 no stamp can vouch for it, ' +
          'or no key is current; 2 keyring or message cannot be read.',
      ),
  handler: (args) => runCommand('sign', args, (output) => sign(args, output)),
}

async function sign(args: ArgumentsCamelCase<SignArguments>, output: Output): Promise<number> {
  const env = slotEnvironment(process.env, args)
  const { keys } = readCluster(env, args.keyring)
  const bytes = readMessageBytes(args.file, maxSizeOf(args))
  const message = await takeMessage(bytes, readSpoolPolicy(env), keys)
  try {
    if (message.headerTooLarge)
      return refuse(output, 'the header is larger than 1 MiB, or has more than 5,000 fields')
    const now = Math.floor(Date.now() / 1000)
    const scanners = args.scanners.split(',').filter((name) => name !== '')
    const examined = { header: message.header, ...message.form }
    const stamp = signMessage(examined, { keys, scanners, now, crypto })
    if (stamp === undefined) {
      return refuse(output, examined.formFault ?? 'every key of the ring is past its date')
    }
    if (output.json) await output.result({ field: stamp.field })
    else await write(message, editHeader(message.header, { remove: [], add: [stamp.field] }))
    return 0
  } finally {
    message.close()
  }
}

function refuse(output: Output, why: string): number {
  output.error(`not signed: ${why}`)
  return UNSIGNED
}

async function write(message: Message, header: Buffer): Promise<void> {
  await send(header)
  for (const chunk of message.body()) {
    await send(Buffer.from(chunk)) // a copy: the chunk changes as soon as the next one is asked for
  }
}

async function send(bytes: Buffer): Promise<void> {
  if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
}
