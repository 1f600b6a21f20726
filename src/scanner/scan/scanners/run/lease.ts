import { Bytes } from '../../../../mail/message/bytes.ts'
import type { Sample, SampleFile } from '../contract/scanner.ts'

/**
 * The resources that a scanner may use during a call. A scanner that exceeds its deadline continues to work
 * after the message has ended, and its descriptor or memory may then belong to another message. So each read
 * of a leased resource throws after that was revoked.
 */
export class Lease {
  #isRevoked = false
  readonly #files: SampleFile[] = []

  of(sample: Sample): Sample {
    const { sealedFile } = sample
    return {
      ...this.#withLeasedMessage(sample),
      bytes: new LeasedBytes(sample.bytes, this),
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

  /** Leases the message in which a content was found. */
  #withLeasedMessage(sample: Sample): Sample {
    return sample.kind === 'content' ? { ...sample, message: this.of(sample.message) } : sample
  }

  revoke(): void {
    this.#isRevoked = true
  }

  check(): void {
    if (this.#isRevoked) throw new Error('the message has ended')
  }

  /** Throws a Fault of kind `read` if the scanner may have opened another file than those that it got. */
  confirmFiles(): void {
    for (const file of this.#files) file.confirm()
  }
}

class LeasedBytes extends Bytes {
  readonly #bytes: Bytes
  readonly #lease: Lease

  constructor(bytes: Bytes, lease: Lease) {
    super()
    this.#bytes = bytes
    this.#lease = lease
  }

  get size(): number {
    return this.#bytes.size
  }

  *chunks(from = 0, to = this.size): Generator<Buffer> {
    this.#lease.check()
    for (const chunk of this.#bytes.chunks(from, to)) {
      yield chunk
      this.#lease.check()
    }
  }
}
