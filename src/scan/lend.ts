import type { Sample } from './shared/scanner.ts'

/** A sample for one scanner, until it is taken back. */
export interface Lent {
  readonly sample: Sample
  takeBack(): void
}

/**
 * Lends a message to a scanner. One that outlives its deadline goes on behind our back: the
 * message is over by then, and its descriptor or memory may be another message's. So
 * nothing of it is read any more once it was taken back; who asks gets an error.
 */
export function lend(sample: Sample): Lent {
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
