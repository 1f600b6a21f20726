import { exitCodeOf, type Finding } from '../../ground/errors/finding.ts'
import { forTerminal } from './for-terminal.ts'
import type { Output } from './run-command.ts'
import { takesColours } from './takes-colours.ts'

/** The levels in the order of printing: the worst findings come last, and so stay on the screen. */
const LEVELS = ['ok', 'warning', 'error'] as const
/** The most characters of the column of names. A longer name shifts its own line alone. */
const WIDEST = 30

/**
 * Prints the findings with the worst last, and their number. Returns the exit code. `heading` is a first
 * line for people, which says what was checked.
 */
export async function printFindings(
  findings: readonly Finding[],
  output: Output,
  heading?: string,
): Promise<number> {
  const sorted = LEVELS.flatMap((rank) => findings.filter(({ level }) => level === rank))
  const count = (wanted: Finding['level']) => sorted.filter(({ level }) => level === wanted).length
  if (output.json) {
    for (const { mark: _, follows: __, ...printed } of sorted) await output.result(printed)
    output.sum({ errors: count('error'), warnings: count('warning') })
  } else {
    if (heading !== undefined) output.text(`${heading}\n`)
    for (const line of findingLines(sorted, takesColours())) process.stdout.write(`${line}\n`)
    output.text(`${sumOf(sorted)}\n`)
  }
  return exitCodeOf(sorted)
}

/** A line for each finding: `error      keyring: /…: mode 0644 …; chmod 640 it`, with aligned texts. */
export function findingLines(findings: readonly Finding[], coloured: boolean): string[] {
  const longest = Math.max(0, ...findings.map(({ what }) => what.length))
  const width = Math.min(WIDEST, longest)
  return findings.map(({ level, what, value, remedy }) => {
    const text = remedy === undefined ? value : `${value}; ${remedy}`
    const word = level.padEnd(8)
    const rest = ` ${what.padStart(width)}: ${text}`.replace(/[\r\n\t]+ */g, ' ')
    return `${coloured ? COLOUR[level] + word + PLAIN : word}${forTerminal(rest)}`
  })
}

const COLOUR = { ok: '\x1b[32m', warning: '\x1b[33m', error: '\x1b[1;31m' } as const
const PLAIN = '\x1b[0m'

/** `2 errors, 1 warning`. */
export function sumOf(findings: readonly Finding[]): string {
  const count = (wanted: Finding['level'], word: string) => {
    const number = findings.filter(({ level }) => level === wanted).length
    return number === 0 ? [] : [`${number} ${word}${number === 1 ? '' : 's'}`]
  }
  return [...count('error', 'error'), ...count('warning', 'warning')].join(', ') || 'all is well'
}
