import { DECISIONS, SCANS } from '../report/summary.ts'
import type { History, SavedStep } from './history.ts'
import { openStateFile, type StateFile } from './state-file.ts'

/** The most bytes of the file; a day in which each step has all durations takes some 500,000. */
export const FILE_MAX = 1024 * 1024
const NAME = 'history'
const VERSION = 1

/**
 * More than milliseconds since 1970 or the messages of any host, and less than numbers can hold
 * exactly.
 */
const COUNT_MAX = 1e15

/**
 * Keeps the figures of the last day in a file in a directory. The file says nothing of any message.
 * An error is logged once, and costs nothing but these figures.
 */
export function openHistoryFile(
  history: History,
  directory: string,
  { now, log }: { readonly now: () => number; readonly log: (line: string) => void },
): StateFile {
  const file = `${directory}/${NAME}`
  return openStateFile({
    file,
    max: FILE_MAX,
    restore(text) {
      const steps = stepsIn(text)
      if (steps === undefined) throw new Error('is damaged, or of another version')
      history.restore(steps, now())
    },
    text: () => `${JSON.stringify({ version: VERSION, steps: history.saved(now()) })}\n`,
    complain: (why) => log(`http: ${file}: ${why}; the last day is forgotten at a restart`),
  })
}

function stepsIn(text: string): SavedStep[] | undefined {
  try {
    const { version, steps } = JSON.parse(text)
    return version === VERSION && Array.isArray(steps) && steps.every(isStep) ? steps : undefined
  } catch {
    return undefined
  }
}

function isStep(value: unknown): value is SavedStep {
  const { start, decisions, scans, times } = (value ?? {}) as Partial<SavedStep>
  return (
    isCount(start) &&
    isCounts(decisions, DECISIONS) &&
    isCounts(scans, SCANS) &&
    times !== undefined &&
    isCount(times.sum) &&
    isCount(times.max) &&
    Array.isArray(times.steps) &&
    times.steps.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every(isCount))
  )
}

function isCounts(counts: unknown, words: readonly string[]): boolean {
  const entries = Object.entries(counts ?? { '': 0 })
  return entries.every(([word, count]) => words.includes(word) && isCount(count))
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && value >= 0 && value < COUNT_MAX
}
