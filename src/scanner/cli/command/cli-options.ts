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
