import type { CommandModule } from 'yargs'
import { newPlugin } from './plugin-new.ts'
import { print, runCommand } from './run-command.ts'

interface NewOptions {
  name: string
  directory: string
}

/** `onescan plugin new NAME`: a typed skeleton plugin and its test. */
export const pluginCommand: CommandModule = {
  command: 'plugin',
  describe: 'Make plugins of your own',
  builder: (yargs) =>
    yargs
      .command(newCommand)
      .demandCommand(1, 'Name what to do: plugin new NAME')
      .example('$0 plugin new macros', 'Write macros.ts and macros.test.ts'),
  handler: () => {},
}

const newCommand: CommandModule<object, NewOptions> = {
  command: 'new <name>',
  describe: 'Write a plugin that works as it is, and its test',
  builder: (yargs) =>
    yargs
      .positional('name', {
        type: 'string',
        demandOption: true,
        describe: 'Name of the plugin; QHPSI then has "plugin: NAME.ts"',
      })
      .option('directory', {
        type: 'string',
        requiresArg: true,
        default: '.',
        describe: 'Where to write: the PLUGINDIR of the slot',
      })
      .example('$0 plugin new macros --directory /etc/onescan/plugins', 'Write it into PLUGINDIR')
      .epilogue('Exit codes: 0 both files are written; 2 nothing is. See onescan-plugin(7).'),
  handler: ({ name, directory }) =>
    runCommand('plugin new', () => {
      for (const file of newPlugin(name, directory)) print(`${file}\n`)
      return 0
    }),
}
