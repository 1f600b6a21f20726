import { isBase64Line } from './decoders/base64.ts'
import { isBlank, LineSearch } from './shared/lines.ts'

/** Characters of base64 that a run must have: less is a word of a text, and no file. */
const RUN_LEAST = 16

interface Run {
  readonly from: number
  readonly to: number
}

/** Looks for lines of nothing but base64, blank ones among them: data that no header announces. */
export class Base64Runs {
  readonly #found: (run: Run) => void
  #run: { from: number; to: number; characters: number } | undefined

  /** Tells of each run where it begins and ends, as offsets of the message. */
  constructor(found: (run: Run) => void) {
    this.#found = found
  }

  /** Lines, the last of them perhaps not whole; `offset` is where `bytes` begins in the message. */
  lines(bytes: Buffer, from: number, to: number, offset: number): void {
    const lines = new LineSearch(bytes, to)
    for (let at = from; at < to; ) {
      const end = lines.lf(at)
      this.line(bytes, at, end, offset)
      at = end
    }
  }

  line(bytes: Buffer, from: number, to: number, offset: number): void {
    if (isBase64Line(bytes, from, to)) {
      this.#run ??= { from: offset + from, to: 0, characters: 0 }
      this.#run.to = offset + to
      this.#run.characters += to - from
    } else if (this.#run && !isBlank(bytes, from, to)) this.end()
  }

  end(): void {
    const run = this.#run
    this.#run = undefined
    if (run && run.characters >= RUN_LEAST) this.#found(run)
  }
}
