import type { Specimen } from './shared/scanner.ts'

/** A specimen for one scanner, until it is taken back. */
export interface Lent {
  readonly specimen: Specimen
  takeBack(): void
}

/**
 * Lends a message to a scanner. One that outlives its deadline goes on behind our back: the
 * message is over by then, and its descriptor or memory may be another message's. So
 * nothing of it is read any more once it was taken back; who asks gets an error.
 */
export function lend(specimen: Specimen): Lent {
  let over = false
  const whole = specimen.whole && lend(specimen.whole)
  const beside = specimen.beside?.map(lend)

  function check(): void {
    if (over) throw new Error('the message is over')
  }

  return {
    specimen: {
      ...specimen,
      ...(whole && { whole: whole.specimen }),
      ...(beside && { beside: beside.map((each) => each.specimen) }),
      *chunks(from, to) {
        check()
        const chunks = specimen.chunks(from, to)[Symbol.iterator]()
        try {
          for (let next = chunks.next(); !next.done; next = chunks.next()) {
            yield next.value
            check()
          }
        } finally {
          chunks.return?.()
        }
      },
      ...(specimen.sealedFile && {
        sealedFile() {
          check()
          return specimen.sealedFile!()
        },
      }),
      async path() {
        check()
        const path = await specimen.path()
        check()
        return path
      },
    },
    takeBack() {
      over = true
      whole?.takeBack()
      for (const each of beside ?? []) each.takeBack()
    },
  }
}
