import { errorText } from '../../ground/errors/fault.ts'
import { isThere } from '../../ground/path/exists.ts'
import type { PathHandle } from '../../ground/path/walk.ts'
import { formatTime } from '../../observe/log/describe-record.ts'
import { formatNumber } from '../../observe/report/format.ts'
import { entriesIn, type QuarantineEntry, type TimeRange } from '../../quarantine/entries.ts'
import { recordOf } from '../../quarantine/open-entry.ts'
import { DEFAULTS, readDefaults } from '../shared/defaults-file.ts'
import { quoteForShell } from '../shared/quote-for-shell.ts'
import { whyInWords } from './list.ts'
import { DEFAULT_DIRECTORY, withQuarantine } from './open.ts'

/** The most messages that one mail names. */
const NAMED = 50

export interface MailStyle {
  /** Characters of a line. */
  readonly width: number
  /** Turns what strangers wrote into one harmless line. */
  readonly clean: (text: string) => string
  /** Reports what could not be read. The mail says so, too. */
  readonly warn: (text: string) => void
}

/**
 * Returns the text for the postmaster about the messages that were put into quarantine during `span`:
 * their number by grounds, and the newest NAMED that are still there, each with the command that
 * releases it. '' if there is no quarantine, or if nothing was kept. Root becomes the account of the
 * quarantine for good.
 */
export async function quarantineByMail(
  named: string | undefined,
  span: TimeRange,
  form: MailStyle,
): Promise<string> {
  const lines = await quarantineLines(named, span, form).catch((error) => {
    const why = `the quarantine cannot be looked at: ${errorText(error)}`
    form.warn(why)
    return [`  ${form.clean(why)}`]
  })
  return lines.length > 0 ? `\nIn quarantine\n${lines.join('\n')}\n` : ''
}

async function quarantineLines(
  named: string | undefined,
  span: TimeRange,
  form: MailStyle,
): Promise<string[]> {
  const directory = named ?? quarantineHere()
  if (directory === undefined) return []
  return withQuarantine(directory, (root) => linesOf(root, directory, span, form))
}

/**
 * The directory in which this host keeps mail: QUARANTINE, else onescand's setting (cron sets no
 * QUARANTINE), else the package's directory. Undefined if mail is held in the MTA's queue, or if the
 * package's directory is missing.
 */
function quarantineHere(): string | undefined {
  const set = process.env.QUARANTINE || quarantineOfDaemon()
  if (set === 'hold') return undefined // mail is held in the queue of the MTA
  return set || (isThere(DEFAULT_DIRECTORY) ? DEFAULT_DIRECTORY : undefined)
}

function quarantineOfDaemon(): string | undefined {
  return isThere(DEFAULTS) ? readDefaults(DEFAULTS).env.QUARANTINE : undefined
}

async function linesOf(
  root: PathHandle,
  directory: string,
  span: TimeRange,
  form: MailStyle,
): Promise<string[]> {
  const counts = new Map<string, number>()
  const newest: QuarantineEntry[] = []
  let released = 0
  for (const entry of entriesIn(root, span)) {
    if (entry.state === 'released') {
      released++
      continue
    }
    counts.set(entry.grounds, (counts.get(entry.grounds) ?? 0) + 1)
    newest.push(entry)
    if (newest.length > NAMED) newest.shift()
  }
  const lines = [...counts].sort(([name], [other]) => (name < other ? -1 : 1)).map(countLine)
  if (released > 0) lines.push(countLine(['released since then', released]))
  const sum = [...counts.values()].reduce((all, count) => all + count, 0)
  if (sum > NAMED) lines.push('', `  The newest ${NAMED} of ${formatNumber(sum)}:`)
  for (const entry of newest.reverse()) {
    lines.push(...(await linesAbout(root, directory, entry, form)))
  }
  return lines
}

function countLine([name, count]: readonly [string, number]): string {
  return `  ${formatNumber(count).padStart(10)} ${name}`
}

/** The lines about a message; none if somebody has removed it meanwhile. */
async function linesAbout(
  root: PathHandle,
  directory: string,
  entry: QuarantineEntry,
  { width, clean, warn }: MailStyle,
): Promise<string[]> {
  const when = formatTime(entry.seconds * 1000)
  let lines: string[]
  try {
    const record = await recordOf(root, entry)
    if (record === undefined) return []
    const { sender, recipients } = record
    const more = recipients.length > 1 ? ` +${recipients.length - 1}` : ''
    const inBrackets = (address: string) => `<${shorten(clean(address), width - 20)}>`
    lines = [
      `  ${when}  ${shorten(clean(whyInWords(record)), width - when.length - 4)}`,
      `    from ${inBrackets(sender)}`,
      `    to ${inBrackets(recipients[0] ?? '')}${more}`,
    ]
  } catch (error) {
    warn(`${entry.id}: ${errorText(error)}`)
    lines = [`  ${when}  ${entry.grounds}; ${clean(errorText(error))}`]
  }
  const where = directory === DEFAULT_DIRECTORY ? '' : ` --directory ${quoteIfNeeded(directory)}`
  const begun = entry.state === 'releasing' ? ['    its release was begun'] : []
  return ['', ...lines, ...begun, `    onescan quarantine release ${entry.id}${clean(where)}`]
}

/** The directory as one word of sh(1), quoted if that is needed. */
function quoteIfNeeded(directory: string): string {
  return /^[\w./-]+$/.test(directory) ? directory : quoteForShell(directory)
}

/**
 * Shortens a text in its middle: the ends of an address say most. Mail programs do not break long
 * words, so longer lines would not fit.
 */
function shorten(text: string, most: number): string {
  if (text.length <= most) return text
  const half = Math.floor((most - 3) / 2)
  return `${text.slice(0, half)}...${text.slice(-half)}`
}
