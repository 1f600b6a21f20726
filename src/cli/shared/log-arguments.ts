import { hasJournal, journal } from '../../observe/log/journal.ts'
import { momentOf } from '../../observe/log/since.ts'
import { findLogs, type Source, STDIN } from '../../observe/log/sources.ts'
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
 * logs of this host, of its journal what `span` says. Throws if there is none, or one cannot be read.
 */
export function logSources(
  files: readonly string[],
  span: ReturnType<typeof spanOf>,
  follow = false,
): Source[] {
  if (files.length > 0) return findLogs(files.map((file) => (file === '-' ? STDIN : file)))
  if (!process.stdin.isTTY) return findLogs([STDIN])
  const { files: here, isWhole } = logsHere()
  // One by one: they are all of this host.
  const found = here.flatMap((path) => findLogs([path]))
  if (!isWhole && hasJournal()) found.push(journal(span, follow))
  if (found.length > 0) return found
  throw new Error(`this host has no journal and none of ${PLACES.join(', ')}; name its logs`)
}

/** Where syslog puts the lines of mail servers, of the slot and of onescand. */
const SYSLOG = ['/var/log/mail.log', '/var/log/maillog']
/** Likewise with the lines of services of their own, by multilog. */
const PLACES = [
  ...SYSLOG,
  '/var/log/onescand',
  '/var/log/qmail/smtpd',
  '/var/log/qmail/qmail-smtpd',
  '/var/log/smtpd',
]

/** Those of them that are here, and LOGFILE of onescand's settings; whether the journal has no more. */
function logsHere(): { readonly files: string[]; readonly isWhole: boolean } {
  const own = attempt(() => readDefaults(DEFAULTS).env.LOGFILE)
  const all = [...(own ? [own] : []), ...PLACES]
  const files = [...new Set(all)].filter((path) => attempt(() => findLogs([path])) !== undefined)
  return { files, isWhole: files.some((file) => file === own || SYSLOG.includes(file)) }
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read()
  } catch {
    return undefined // not there, or no log
  }
}
