import type { Argv } from 'yargs'
import { addMaxSizeOption, type MaxSizeOption } from './max-size-option.ts'

export interface MessageArgument extends MaxSizeOption {
  file: string
}

/** Adds the argument for the message that a command looks at: a file, or `-` for standard input. */
export function addMessageArgument<Options>(yargs: Argv<Options>): Argv<Options & MessageArgument> {
  return addMaxSizeOption(yargs, 'A larger message is not read')
    .positional('file', {
      type: 'string',
      demandOption: true,
      describe: 'The message; - reads standard input',
    })
    .nargs('file', 1) // otherwise yargs takes "-" for an option
}
