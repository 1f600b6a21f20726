import type { Argv } from 'yargs'

/** The message that a command looks at: a file, or `-` for standard input. */
export function addMessageArgument<Options>(
  yargs: Argv<Options>,
): Argv<Options & { file: string }> {
  return yargs
    .positional('file', {
      type: 'string',
      demandOption: true,
      describe: 'The message; - reads standard input',
    })
    .nargs('file', 1) // or "-" would be taken for an option
}
