import { STDIN } from '../../visible/log/open-log.ts'
import { momentOf } from '../../visible/log/since.ts'
import { findLogs, type Source } from '../../visible/log/sources.ts'
import { DEFAULTS, readDefaults } from './defaults-file.ts'

/** What every command takes that reads logs, in the form of yargs. */
export const filesArgument = {
  type: 'string',
  array: true,
  default: [],
  describe:
    "Logs, or directories of multilog [default: -, standard input; at a terminal this host's]",
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

/**
 * Logs by their names on the command line: none is standard input, or, if that is a terminal, the
 * logs of this host. Throws if there is none, or one cannot be read.
 */
export function logSources(command: string, files: readonly string[]): Source[] {
  if (files.length > 0) return findLogs(files.map((file) => (file === '-' ? STDIN : file)))
  if (!process.stdin.isTTY) return findLogs([STDIN])
  const here = logsHere()
  // One by one: they are all of this host.
  if (here.length > 0) return here.flatMap((path) => findLogs([path]))
  const journal = `journalctl -o short-iso --facility=mail | onescan ${command}`
  throw new Error(`this host has none of ${PLACES.join(', ')}; name its logs, or try: ${journal}`)
}

/** Where syslog and multilog put the lines of mail servers, of the slot and of onescand. */
const PLACES = [
  '/var/log/mail.log',
  '/var/log/maillog',
  '/var/log/onescand',
  '/var/log/qmail/smtpd',
  '/var/log/qmail/qmail-smtpd',
  '/var/log/smtpd',
]

/** Those of them that are here, and LOGFILE of onescand's settings. */
function logsHere(): string[] {
  const own = attempt(() => readDefaults(DEFAULTS).env.LOGFILE)
  const all = [...(own ? [own] : []), ...PLACES]
  return [...new Set(all)].filter((path) => attempt(() => findLogs([path])) !== undefined)
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined // not there, or no log
  }
}
