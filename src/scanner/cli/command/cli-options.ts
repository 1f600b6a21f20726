/** An option with a value, in the form of yargs. */
export function textOption<const More extends object = object>(describe: string, more?: More) {
  return { type: 'string', requiresArg: true, describe, ...(more as More) } as const
}

/** An option with a value that may be repeated. */
export function textOptions<const More extends object = object>(describe: string, more?: More) {
  return { type: 'string', array: true, nargs: 1, describe, ...(more as More) } as const
}

/** An option that is given or not. */
export function flag(describe: string) {
  return { type: 'boolean', default: false, describe } as const
}

export const printsJson: ReturnType<typeof flag> = flag('Print JSON')

/**
 * The values of an option on a command line, in order: `--milter ADDRESS` and `--milter=ADDRESS`,
 * as often as it occurs.
 */
export function optionValues(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, at) => {
    if (arg === option) return args[at + 1] ?? []
    return arg.startsWith(`${option}=`) ? arg.slice(option.length + 1) : []
  })
}
