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
  let over = false
  const whole = sample.whole && lend(sample.whole)
  const beside = sample.beside?.map(lend)

  function check(): void {
    if (over) throw new Error('the message is over')
  }

  return {
    sample: {
      ...sample,
      ...(whole && { whole: whole.sample }),
      ...(beside && { beside: beside.map((lent) => lent.sample) }),
      *chunks(from, to) {
        check()
        const chunks = sample.chunks(from, to)[Symbol.iterator]()
        try {
          for (let next = chunks.next(); !next.done; next = chunks.next()) {
            yield next.value
            check()
          }
        } finally {
          chunks.return?.()
        }
      },
      ...(sample.sealedFile && {
        sealedFile() {
          check()
          return sample.sealedFile!()
        },
      }),
      async path() {
        check()
        const path = await sample.path()
        check()
        return path
      },
    },
    takeBack() {
      over = true
      whole?.takeBack()
      for (const lent of beside ?? []) lent.takeBack()
    },
  }
}
