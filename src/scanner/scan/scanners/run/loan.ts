import { Bytes } from '../../../../mail/message/bytes.ts'
import type { Sample, SampleFile } from '../contract/scanner.ts'

/**
 * The resources that a scanner may use during a call. A scanner that exceeds its deadline continues to work
 * after the message has ended, and its descriptor or memory may then belong to another message. So each read
 * of a lent resource throws after it was taken back.
 */
export class Loan {
  #isOver = false
  readonly #files: SampleFile[] = []

  of(sample: Sample): Sample {
    const { sealedFile } = sample
    return {
      ...this.#withLentMessage(sample),
      bytes: new LentBytes(sample.bytes, this),
      ...(sealedFile && {
        sealedFile: () => {
          this.check()
          return sealedFile()
        },
      }),
      file: async () => {
        this.check()
        const file = await sample.file()
        this.check()
        this.#files.push(file)
        return file
      },
    }
  }

  /** Lends the message in which a content was found. */
  #withLentMessage(sample: Sample): Sample {
    return sample.kind === 'content' ? { ...sample, message: this.of(sample.message) } : sample
  }

  takeBack(): void {
    this.#isOver = true
  }

  check(): void {
    if (this.#isOver) throw new Error('the message has ended')
  }

  /** Throws a Fault of kind `read` if the scanner may have opened another file than those that it got. */
  confirmFiles(): void {
    for (const file of this.#files) file.confirm()
  }
}

class LentBytes extends Bytes {
  readonly #bytes: Bytes
  readonly #loan: Loan

  constructor(bytes: Bytes, loan: Loan) {
    super()
    this.#bytes = bytes
    this.#loan = loan
  }

  get size(): number {
    return this.#bytes.size
  }

  *chunks(from = 0, to = this.size): Generator<Buffer> {
    this.#loan.check()
    for (const chunk of this.#bytes.chunks(from, to)) {
      yield chunk
      this.#loan.check()
    }
  }
}
