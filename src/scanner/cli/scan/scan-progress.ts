import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { attempt } from '../../../base/errors/fault.ts'
import { readUptime } from '../../../base/flow/uptime.ts'
import { shellWord } from '../../../base/text/shell-word.ts'
import { formatDuration } from '../../../base/text/units.ts'

type Settlement = 'settled' | 'to be repeated'

interface BegunFile {
  readonly file: string
  outcome?: Settlement
}

/** The file up to which no message has to be scanned again, even if several are scanned at once. */
export class ResumePlace {
  readonly #begun: BegunFile[] = []
  /** The last file before which nothing is left. */
  text: string | undefined
  /** Whether a message has to be scanned again: the place does not move beyond it. */
  isHeld = false

  /** Notes that a file is being scanned. The returned function notes the outcome. */
  begin(file: string): (outcome: Settlement) => void {
    const entry: BegunFile = { file }
    if (!this.isHeld) this.#begun.push(entry)
    return (outcome) => {
      entry.outcome = outcome
      while (this.#begun[0]?.outcome === 'settled') this.text = this.#begun.shift()!.file
      if (outcome === 'settled') return
      this.isHeld = true
      const firstToRepeat = this.#begun.findIndex((begun) => begun.outcome === 'to be repeated')
      if (firstToRepeat >= 0) this.#begun.length = firstToRepeat + 1
    }
  }
}

/** Milliseconds between two lines about the progress. */
const PROGRESS_EVERY = 5_000

/** How far a long scan has come, for the person at the terminal. */
export class ScanProgress {
  readonly #total: number
  readonly #began = readUptime()
  #done = 0
  #shown = this.#began

  constructor(paths: readonly string[]) {
    this.#total = paths.reduce((sum, path) => sum + countFiles(path), 0)
  }

  /** Counts a message. Returns a line if one is due; `place` is where an interrupted scan can go on. */
  add(place: string | undefined): string | undefined {
    this.#done++
    const now = readUptime()
    if (now - this.#shown < PROGRESS_EVERY) return undefined
    this.#shown = now
    const perSecond = this.#done / ((now - this.#began) / 1000)
    const left = Math.max(0, this.#total - this.#done) / perSecond
    const resume = place === undefined ? '' : `; to resume from here: --after ${shellWord(place)}`
    return `${this.#done} of ${this.#total} messages, ${perSecond.toFixed(1)} a second, about ${formatDuration(left * 1000)} left${resume}`
  }
}

/** Returns the number of files at a path, and in directories there. What cannot be read counts as one file. */
function countFiles(path: string): number {
  const entries = attempt(() => readdirSync(path, { withFileTypes: true }))
  if (entries === undefined) return 1
  return entries.reduce(
    (sum, entry) => sum + (entry.isDirectory() ? countFiles(join(path, entry.name)) : 1),
    0,
  )
}
