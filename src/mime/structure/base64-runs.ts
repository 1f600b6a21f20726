import { isBase64Line } from '../decoders/base64.ts'
import { BLOCK_LINE_MAX, BLOCK_LINES } from '../decoders/base64-blocks.ts'
import { isBlank, LineSearch } from '../shared/lines.ts'

/** The fewest characters of a run. Fewer characters are a word of a text, and no file. */
const RUN_LEAST = 16

interface Run {
  readonly from: number
  readonly to: number
}

export interface RunsListener {
  /**
   * Told of each run that is looked at; and at the end of the text, if one of its runs is a block of
   * lines, of all that stands from the first run through the last one.
   */
  found(kind: 'base64' | 'base64 blocks', run: Run): void
  /** Told that a text holds more runs than are looked at. */
  over(): void
}

/**
 * Finds runs of lines that hold nothing but base64, with blank lines among them: data that no header
 * announces. All ranges are offsets in the mail.
 */
export class Base64Runs {
  readonly #listener: RunsListener
  #isLooking = false
  /** How many more runs of this text are looked at. */
  #left = 0
  #run: { from: number; to: number; characters: number; lines: number } | undefined
  /** From the first run so far to the last one, be they ever so short. */
  #all: { readonly from: number; to: number } | undefined
  /** The runs among them that are blocks of lines (base64-blocks.ts). */
  #blocks = 0

  constructor(listener: RunsListener) {
    this.#listener = listener
  }

  /** Says how many runs `lines` looks at from here on; 0 if a header announces the base64. */
  look(most: number): void {
    this.#isLooking = most > 0
    this.#left = most
  }

  /** Reads lines, of which the last may be incomplete. `offset` is that of `bytes` in the mail. */
  lines(bytes: Buffer, from: number, to: number, offset: number): void {
    const lines = new LineSearch(bytes, to)
    for (let at = from; at < to && this.#isLooking; ) {
      const end = lines.any(at)
      this.line(bytes, at, end, offset)
      at = end
    }
  }

  line(bytes: Buffer, from: number, to: number, offset: number): void {
    if (isBase64Line(bytes, from, to)) {
      this.#run ??= { from: offset + from, to: 0, characters: 0, lines: 0 }
      this.#run.to = offset + to
      this.#run.characters += to - from
      this.#run.lines += Math.ceil((to - from) / BLOCK_LINE_MAX)
    } else if (this.#run && !isBlank(bytes, from, to)) this.#endRun()
  }

  end(): void {
    this.#endRun()
    const all = this.#all
    if (all && this.#blocks > 0) this.#listener.found('base64 blocks', all)
    this.#all = undefined
    this.#blocks = 0
  }

  #endRun(): void {
    const run = this.#run
    this.#run = undefined
    if (!run) return
    this.#all ??= { from: run.from, to: 0 }
    this.#all.to = run.to
    if (run.lines >= BLOCK_LINES) this.#blocks++
    if (run.characters < RUN_LEAST || this.#left <= 0) return
    this.#listener.found('base64', run)
    if (--this.#left === 0) this.#listener.over()
  }
}
