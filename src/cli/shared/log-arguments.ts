import { STDIN } from '../../visible/log/open-log.ts'
import { momentOf } from '../../visible/log/since.ts'

/** What every command takes that reads logs, in the form of yargs. */
export const filesArgument = {
  type: 'string',
  array: true,
  default: [],
  describe: 'Logs, or directories of multilog [default: -, standard input]',
} as const

export const spanOptions = {
  since: {
    type: 'string',
    requiresArg: true,
    describe: 'Not before: yesterday, 2026-11-19, 2026-11-19 14:30, 36h',
  },
  until: { type: 'string', requiresArg: true, describe: 'Before that time' },
} as const

/** From when and until when lines count, unix milliseconds. Throws for words that are no time. */
export function spanOf(
  args: { readonly since?: string; readonly until?: string },
  now: number,
): { since: number | undefined; until: number | undefined } {
  const moment = (option: 'since' | 'until') => {
    const words = args[option]
    return words === undefined ? undefined : momentOf(`--${option}`, words, now)
  }
  return { since: moment('since'), until: moment('until') }
}

/** Logs by their names on the command line: none is standard input, unless that is a terminal. */
export function logPaths(command: string, files: readonly string[]): string[] {
  if (files.length > 0) return files.map((file) => (file === '-' ? STDIN : file))
  if (process.stdin.isTTY) {
    throw new Error(
      `no log is named; try: onescan ${command} /var/log/onescand, or journalctl -o short-iso | onescan ${command}`,
    )
  }
  return [STDIN]
}
