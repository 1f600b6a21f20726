/** An option with a value, in the form of yargs. */
export function text<const More extends object = object>(describe: string, more?: More) {
  return { type: 'string', requiresArg: true, describe, ...(more as More) } as const
}

/** An option that is given or not. */
export function flag(describe: string) {
  return { type: 'boolean', default: false, describe } as const
}

/** The option `--json`. */
export const printsJson: ReturnType<typeof flag> = flag('Print JSON')
