import type { Finding } from '../../lib/errors/finding.ts'
import type { Output } from './run-command.ts'
import { forTerminal, showsColours } from './terminal.ts'

/** The characters of the column of names. A longer name shifts its own line alone. */
const WIDTH = 22
/** Milliseconds without a finding after which the command prints that it is still checking. */
const QUIET = 5_000

/**
 * Prints findings as they arrive, and their number. Returns the exit code. Repetitions are omitted: the same
 * finding about another subject, and findings that follow from a printed one. `heading` is a first line for
 * people about what is checked. The last line names the servers `unseen`, whose mail was not tested. Findings
 * reported by an account are printed below its name.
 */
export async function printFindings(
  findings: AsyncIterable<Finding>,
  output: Output,
  heading?: string,
  unseen: readonly string[] = [],
): Promise<number> {
  const printed: Finding[] = []
  const seen = new Set<Finding['follows']>()
  const waits = setInterval(() => output.text('(still checking)\n'), QUIET)
  try {
    for await (const finding of findings) {
      const { marks = [], follows } = finding
      const isKnown = follows !== undefined && seen.has(follows)
      for (const mark of marks) seen.add(mark)
      if (isKnown || (finding.mail === undefined && isPrinted(finding, printed))) continue
      waits.refresh()
      if (printed.length === 0 && heading !== undefined) output.text(`${heading}\n`)
      const { account } = finding
      if (account !== printed.at(-1)?.account) {
        output.text(
          account === undefined ? 'as root finds:\n' : `as the account ${account} reports:\n`,
        )
      }
      printed.push(finding)
      const { marks: _, follows: __, ...shown } = finding
      if (output.json) await output.result(shown)
      else process.stdout.write(`${findingLine(finding, showsColours())}\n`)
    }
  } finally {
    clearInterval(waits)
  }
  if (output.json) {
    output.sum({ errors: countOf(printed, 'error'), warnings: countOf(printed, 'warning') })
  } else output.text(`${sumOf(printed, unseen)}\n`)
  return exitCodeOf(printed)
}

/** Returns whether the same account reported the same about another subject. */
function isPrinted(
  { level, value, remedy, account }: Finding,
  printed: readonly Finding[],
): boolean {
  if (level === 'ok') return false
  return printed.some(
    (other) =>
      other.account === account &&
      other.level === level &&
      other.value === value &&
      other.remedy === remedy,
  )
}

/** `error      keyring: /…: mode 0644 …; run chmod 640 on it`, with aligned texts. */
export function findingLine({ level, what, value, remedy }: Finding, coloured: boolean): string {
  const text = remedy === undefined ? value : `${value}; ${remedy}`
  const word = level.padEnd(8)
  // A carriage return at the end of a setting is what the finding is about.
  const seen = text.replaceAll('\r', '\\r')
  const rest = ` ${what.padStart(WIDTH)}: ${seen}`.replace(/[\n\t]+ */g, ' ')
  return `${coloured ? COLOUR[level] + word + PLAIN : word}${forTerminal(rest)}`
}

const COLOUR = { ok: '\x1b[32m', warning: '\x1b[33m', error: '\x1b[1;31m' } as const
const PLAIN = '\x1b[0m'

/** `2 errors, 1 warning`, and the servers whose mail was not seen. */
export function sumOf(findings: readonly Finding[], unseen: readonly string[] = []): string {
  const counts = (['error', 'warning'] as const).flatMap((level) => {
    const count = countOf(findings, level)
    return count === 0 ? [] : [`${count} ${level}${count === 1 ? '' : 's'}`]
  })
  const sum = counts.join(', ') || 'no problems found'
  if (unseen.length === 0) return sum
  return `${sum}; this check sent no mail through ${unseen.join(', ')}: onescan check --mail ADDRESS does`
}

const countOf = (findings: readonly Finding[], level: Finding['level']) =>
  findings.filter((finding) => finding.level === level).length

/** 0 if all is ok, 1 with warnings, 2 with errors. */
function exitCodeOf(findings: readonly Finding[]): number {
  if (findings.some(({ level }) => level === 'error')) return 2
  return findings.some(({ level }) => level === 'warning') ? 1 : 0
}
