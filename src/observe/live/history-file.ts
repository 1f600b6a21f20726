import { errorCode, errorText } from '../../ground/runtime/fault.ts'
import { readOwnFile } from '../../ground/runtime/path/read.ts'
import { replaceFile } from '../../ground/runtime/path/write.ts'
import { DECISIONS, SCANS } from '../report/summary.ts'
import type { History, SavedStep } from './history.ts'

/** Milliseconds between two writes: as much of the day may be lost if onescand is killed. */
const WRITE_EVERY = 5 * 60_000
/** Bytes of the file: a day in which each step has all durations has some 500,000. */
const FILE_MAX = 1024 * 1024
const NAME = 'history'
const VERSION = 1

/** Above milliseconds since 1970 and what any host counts, and below where numbers lose digits. */
const COUNT_MAX = 1e15

export interface KeptHistory {
  /** Writes what came since the last time. */
  close(): void
}

/**
 * Keeps the figures of the last day in a file in this directory, and none of any message: they are
 * read at the start and written every five minutes and at the end, whole or not at all. What goes
 * wrong is logged once, and costs the day's figures alone.
 */
export function keepHistory(
  history: History,
  directory: string,
  { now, log }: { readonly now: () => number; readonly log: (line: string) => void },
): KeptHistory {
  const file = `${directory}/${NAME}`
  let complaint = ''
  const attempt = (effect: () => void) => {
    try {
      effect()
      complaint = ''
    } catch (error) {
      const why = errorText(error)
      if (why !== complaint) log(`http: ${file}: ${why}; the last day is forgotten at a restart`)
      complaint = why
    }
  }
  attempt(() => history.restore(readSteps(file), now()))
  let written = ''
  const write = () =>
    attempt(() => {
      const text = `${JSON.stringify({ version: VERSION, steps: history.saved(now()) })}\n`
      if (text === written) return
      replaceFile(file, text)
      written = text
    })
  const timer = setInterval(write, WRITE_EVERY)
  timer.unref()
  return {
    close() {
      clearInterval(timer)
      write()
    },
  }
}

/** None if there is no file. Throws if it holds anything else than `History.saved` gives. */
function readSteps(file: string): SavedStep[] {
  let text: string
  try {
    text = readOwnFile(file, FILE_MAX).toString('latin1')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return []
    throw error
  }
  const steps = stepsIn(text)
  if (steps === undefined) throw new Error('is damaged, or of another version')
  return steps
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
