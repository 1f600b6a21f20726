import { isBase64Line } from '../decoders/base64.ts'
import { isBlank, LineSearch } from '../shared/lines.ts'

/** The fewest characters of a run. Fewer characters are a word of a text, and no file. */
const RUN_LEAST = 16

/** The most other lines between two runs that some reader may take for one run. */
const GAP_MAX = 3

interface Run {
  readonly from: number
  readonly to: number
}

export interface RunsListener {
  /** Told of each run, and of several runs that have few other lines between them. */
  found(kind: 'base64' | 'base64 lines', run: Run): void
  /** Told that a text holds more runs than are looked at. */
  over(): void
}

/**
 * Finds runs of lines that hold nothing but base64, with blank lines among them: data that no header
 * announces. All ranges are offsets in the mail.
 */
export class Base64Runs {
  readonly #listener: RunsListener
  /** How many more runs of this text are looked at. */
  #left = 0
  #run: { from: number; to: number; characters: number } | undefined
  #joined: { readonly from: number; to: number; runs: number; gap: number } | undefined

  constructor(listener: RunsListener) {
    this.#listener = listener
  }

  /** Says how many runs `lines` looks at from here on; 0 if a header announces the base64. */
  look(most: number): void {
    this.#left = most
  }

  /** Reads lines, of which the last may be incomplete. `offset` is that of `bytes` in the mail. */
  lines(bytes: Buffer, from: number, to: number, offset: number): void {
    const lines = new LineSearch(bytes, to)
    for (let at = from; at < to && this.#left > 0; ) {
      const end = lines.any(at)
      this.line(bytes, at, end, offset)
      at = end
    }
  }

  line(bytes: Buffer, from: number, to: number, offset: number): void {
    if (isBase64Line(bytes, from, to)) {
      this.#run ??= { from: offset + from, to: 0, characters: 0 }
      this.#run.to = offset + to
      this.#run.characters += to - from
    } else if ((this.#run || this.#joined) && !isBlank(bytes, from, to)) {
      this.#endRun()
      if (this.#joined && ++this.#joined.gap > GAP_MAX) this.#endJoined()
    }
  }

  end(): void {
    this.#endRun()
    this.#endJoined()
  }

  #endRun(): void {
    const run = this.#run
    this.#run = undefined
    if (!run || run.characters < RUN_LEAST) return
    this.#tell('base64', run)
    this.#joined ??= { from: run.from, to: run.to, runs: 0, gap: 0 }
    this.#joined.to = run.to
    this.#joined.runs++
    this.#joined.gap = 0
  }

  #endJoined(): void {
    const joined = this.#joined
    this.#joined = undefined
    if (joined && joined.runs > 1) this.#tell('base64 lines', joined)
  }

  #tell(...[kind, run]: Parameters<RunsListener['found']>): void {
    this.#listener.found(kind, run)
    if (--this.#left === 0) this.#listener.over()
  }
}
