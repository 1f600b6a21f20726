import type { CheckLine, CheckMark } from '../../../base/check/check-line.ts'
import { harmlessText } from '../../../base/text/harmless.ts'
import { formatCount } from '../../../base/text/units.ts'
import { withInstalledPages } from './installed-pages.ts'
import type { Output } from './run-command.ts'
import { showsColours } from './terminal.ts'

/** The characters of the column of names. A longer name shifts its own line alone. */
const WIDTH = 22
/** Milliseconds without a check line after which the command prints at a terminal that it is still checking. */
const QUIET = 5_000

/**
 * Prints check lines as they arrive, without repetitions, and their number. Returns the exit code. `heading` is a first line for
 * people about what is checked. The last line names the servers `untested`, whose mail was not tested. Check lines
 * reported by an account are printed below its name.
 */
export async function printCheckLines(
  checkLines: AsyncIterable<CheckLine>,
  output: Output,
  heading?: string,
  untested: readonly string[] = [],
): Promise<number> {
  const printed: CheckLine[] = []
  const isWatched = process.stdout.isTTY
  const waits = setInterval(() => isWatched && output.text('(still checking)\n'), QUIET)
  try {
    for await (const checkLine of withoutRepetitions(checkLines)) {
      waits.refresh()
      if (printed.length === 0 && heading !== undefined) output.text(`${heading}\n`)
      const { account } = checkLine
      if (account !== printed.at(-1)?.account) {
        output.text(
          account === undefined ? `${ownName()}:\n` : `reported by the account ${account}:\n`,
        )
      }
      printed.push(checkLine)
      const { marks: _, follows: __, ...shown } = checkLine
      await output.result(shown)
      for (const line of formatCheckLine(checkLine, showsColours())) output.safeLine(line)
    }
  } finally {
    clearInterval(waits)
  }
  output.sum({ errors: countOf(printed, 'error'), warnings: countOf(printed, 'warning') })
  const begin = countOf(printed, 'error') > 1 ? BEGIN : ''
  output.text(`${sumOf(printed, untested)}${begin}\n`)
  return exitCodeOf(printed)
}

/**
 * Yields check lines without those that repeat what was yielded: the same about another subject, and what follows from an earlier
 * one. Of a more serious one that follows from it only the remedy is omitted.
 */
export async function* withoutRepetitions(
  checkLines: AsyncIterable<CheckLine>,
): AsyncGenerator<CheckLine> {
  const earlier: CheckLine[] = []
  const seen = new Map<CheckMark, CheckLine['level']>()
  for await (const arrived of checkLines) {
    const { marks = [], follows = [] } = arrived
    const causes = follows.flatMap((mark) => seen.get(mark) ?? [])
    for (const mark of marks) if (seen.get(mark) !== 'error') seen.set(mark, arrived.level)
    if (causes.some((level) => level === 'error' || arrived.level !== 'error')) continue
    const checkLine = withPages(arrived, causes.length === 0)
    if (checkLine.mail === undefined && isRepeated(checkLine, earlier)) continue
    earlier.push(checkLine)
    yield checkLine
  }
}

/** An error is often the cause of those below it. */
const BEGIN = '; begin with the first error, and run this check again'

/** Returns the check line with pages in its remedy that people of this host can open, or without a remedy. */
const withPages = ({ remedy, ...rest }: CheckLine, hasRemedy: boolean): CheckLine =>
  remedy !== undefined && hasRemedy ? { ...rest, remedy: withInstalledPages(remedy) } : rest

/** Names the process that prints, beside accounts that report. */
const ownName = () => (process.getuid!() === 0 ? 'checked as root' : 'checked by this command')

/** Returns whether the same account reported the same about another subject. */
function isRepeated(
  { level, value, remedy, account }: CheckLine,
  earlier: readonly CheckLine[],
): boolean {
  if (level === 'ok') return false
  return earlier.some(
    (other) =>
      other.account === account &&
      other.level === level &&
      other.value === value &&
      other.remedy === remedy,
  )
}

/** `error      keyring: /…: mode 0644 …`, with aligned texts, and a line `fix: chmod 640 …` below it. */
function formatCheckLine({ level, what, value, remedy }: CheckLine, isColoured: boolean): string[] {
  const word = level.padEnd(8)
  const found = printableLine(` ${what.padStart(WIDTH)}: ${value}`)
  const fix = remedy === undefined ? [] : [`${FIX}${printableLine(remedy)}`]
  return [`${isColoured ? COLOUR[level] + word + PLAIN : word}${found}`, ...fix]
}

/** The beginning of the line with a remedy. */
const FIX = `${' '.repeat(9)}fix: `

/** Returns a text in one line. A carriage return at the end of a setting is what the check line is about. */
const printableLine = (text: string): string =>
  harmlessText(text.replaceAll('\r', '\\r').replace(/[\n\t]+ */g, ' '))

const COLOUR = { ok: '\x1b[32m', warning: '\x1b[33m', error: '\x1b[1;31m' } as const
const PLAIN = '\x1b[0m'

/** `2 errors, 1 warning`, and the servers whose mail was not seen. */
export function sumOf(checkLines: readonly CheckLine[], untested: readonly string[]): string {
  const counts = (['error', 'warning'] as const).flatMap((level) => {
    const count = countOf(checkLines, level)
    return count === 0 ? [] : [formatCount(count, level)]
  })
  const sum = counts.join(', ') || 'no problems found'
  if (untested.length === 0) return sum
  return `${sum}; this check sent no mail through ${untested.join(', ')}: onescan check --mail ADDRESS does`
}

const countOf = (checkLines: readonly CheckLine[], level: CheckLine['level']) =>
  checkLines.filter((checkLine) => checkLine.level === level).length

/** 0 if all is ok, 1 with warnings, 2 with errors. */
export function exitCodeOf(checkLines: readonly CheckLine[]): number {
  if (checkLines.some(({ level }) => level === 'error')) return 2
  return checkLines.some(({ level }) => level === 'warning') ? 1 : 0
}
