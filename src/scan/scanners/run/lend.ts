import { Bytes } from '../../../mail/message/bytes.ts'
import type { Sample } from '../shared/scanner.ts'

/** A sample that one scanner may read until it is taken back. */
export interface LentSample {
  readonly sample: Sample
  takeBack(): void
}

/**
 * Lends a sample to a scanner. A scanner that outlives its deadline goes on working when the message
 * is over, and its descriptor or memory may be another message's by then. So each call that reads
 * the sample throws once it was taken back.
 */
export function lend(sample: Sample): LentSample {
  const loan = { isOver: false }
  const whole = sample.whole && lend(sample.whole)
  const beside = sample.beside?.map(lend)
  const { sealedFile } = sample
  return {
    sample: {
      ...sample,
      ...(whole && { whole: whole.sample }),
      ...(beside && { beside: beside.map((lent) => lent.sample) }),
      bytes: new LentBytes(sample.bytes, loan),
      ...(sealedFile && {
        sealedFile() {
          check(loan)
          return sealedFile()
        },
      }),
      async path() {
        check(loan)
        const path = await sample.path()
        check(loan)
        return path
      },
    },
    takeBack() {
      loan.isOver = true
      whole?.takeBack()
      for (const lent of beside ?? []) lent.takeBack()
    },
  }
}

interface Loan {
  isOver: boolean
}

function check({ isOver }: Loan): void {
  if (isOver) throw new Error('the message is over')
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
    check(this.#loan)
    for (const chunk of this.#bytes.chunks(from, to)) {
      yield chunk
      check(this.#loan)
    }
  }
}
