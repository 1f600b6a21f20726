import type { Argv } from 'yargs'
import { byteSize } from '../../ground/settings/table/values.ts'
import { text } from './options.ts'

export interface MaxSizeOption {
  'max-size': string
}

/**
 * Adds the option for the most bytes of a file that a command reads. `what` says what happens to
 * larger ones.
 */
export function addMaxSizeOption<Options>(
  yargs: Argv<Options>,
  what: string,
): Argv<Options & MaxSizeOption> {
  return yargs.option('max-size', text(`${what}; 0 for any size`, { default: '100M' }))
}

/** The number of bytes. Throws a Fault of kind `config` if the value is not a size. */
export function maxSizeOf(args: MaxSizeOption): number {
  return byteSize(args['max-size'], '--max-size', 0) || Number.MAX_SAFE_INTEGER
}
