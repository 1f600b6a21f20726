import type { ArgumentsCamelCase, CommandModule } from 'yargs'
import { lineForTerminal } from '../shared/for-terminal.ts'
import { printsJson, text } from '../shared/options.ts'
import { FAILED, type Output, runCommand } from '../shared/run-command.ts'
import {
  addEnvironmentOptions,
  type EnvironmentOptions,
  slotEnvironment,
} from '../shared/slot-environment.ts'
import { type PluginResult, tryPlugin } from './try-plugin.ts'

interface PluginTestOptions extends EnvironmentOptions {
  file: string
  messages: string[]
  from: string
  to: string[]
  json: boolean
}

/** `onescan plugin test FILE` shows what a plugin says. */
export const pluginCommand: CommandModule = {
  command: 'plugin',
  describe: 'Try plugins of your own',
  builder: (yargs) =>
    yargs
      .command(testCommand)
      .demandCommand(1, 'Name what to do: plugin test FILE')
      .example('$0 plugin test macros.ts', 'Ask it about a clean message and the EICAR test file'),
  handler: () => {},
}

const testCommand: CommandModule<object, PluginTestOptions> = {
  command: 'test <file> [messages..]',
  describe: 'Ask a plugin about messages, as the slot would',
  builder: (yargs) =>
    addEnvironmentOptions(yargs)
      .positional('file', {
        type: 'string',
        demandOption: true,
        describe: 'The plugin; its directory is PLUGINDIR',
      })
      .positional('messages', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'Files [default: a clean message and one with the EICAR test file]',
      })
      .option('from', text("The envelope's sender", { default: 'sender@example.org' }))
      .option('to', {
        type: 'string',
        array: true,
        nargs: 1,
        default: ['recipient@example.org'],
        describe: 'A recipient; repeat it',
      })
      .option('json', printsJson)
      .example('$0 plugin test macros.ts invoice.eml', 'Ask it about a message of yours')
      .epilogue(
        'Prints the answer, the time and the lines that the plugin logged.\n\n' +
          'Exit codes: 0 it called each message clean or infected; 2 it could not tell about one, ' +
          'or could not be asked.',
      ),
  handler: (args) => runCommand('plugin test', args, (output) => test(args, output)),
}

async function test(args: ArgumentsCamelCase<PluginTestOptions>, output: Output): Promise<number> {
  const { file, messages, from: sender, to: recipients } = args
  const env = slotEnvironment(process.env, args)
  let code = 0
  for await (const trial of tryPlugin(file, env, { messages, sender, recipients })) {
    const { message, answer, text, time, log } = trial
    await output.result(asResult(trial))
    const found = `${message}: ${answer}${text && `: ${text}`}, ${Math.round(time)} ms`
    output.text(`${lineForTerminal(found)}\n`)
    for (const line of log) output.text(`  log: ${lineForTerminal(line)}\n`)
    if (answer === 'could not tell') code = FAILED
  }
  return code
}

/** A result in the form of "onescan scan". */
function asResult({ message, answer, text, time, log }: PluginResult): object {
  const detail = answer === 'clean' ? {} : answer === 'infected' ? { name: text } : { why: text }
  const word = answer === 'could not tell' ? 'unknown' : answer
  return { message, answer: word, ...detail, milliseconds: time, log }
}
