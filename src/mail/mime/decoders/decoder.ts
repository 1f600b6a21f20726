import { Bytes } from '../../message/bytes.ts'
import type { Steps, Work } from '../budget/work.ts'
import { eachWay, Way } from '../quirks/way.ts'
import { Store } from '../storage/store.ts'

/**
 * Decodes a whole content into a store as a program does: where programs differ, the decoder asks the way of that program.
 * Yields how many bytes were examined each time that other mail may have its turn: after about DECODED_AT_ONCE bytes.
 */
export type Decoder = (bytes: Buffer, out: Store, way: Way) => Iterable<number>

/** The bytes that are decoded in one go. Some cost hundreds of times as much as others. */
const DECODED_AT_ONCE = 16 * 1024

/**
 * Decodes bytes piece by piece: `take` receives the offset at which each piece ends. It may read on after that, and
 * continues there with the next piece. It returns what it costs more than its bytes, if it does.
 */
export function* inPieces(
  bytes: Buffer,
  take: (end: number) => number | undefined,
): Generator<number> {
  for (let from = 0; from < bytes.length; from += DECODED_AT_ONCE) {
    const end = Math.min(bytes.length, from + DECODED_AT_ONCE)
    const more = take(end) ?? 0
    yield end - from + more
  }
}

/** Decodes a content by one decoder after the other, of which there is one at least. */
export function chained(decoders: readonly Decoder[]): Decoder {
  return decoders.reduce(
    (first, second): Decoder =>
      (bytes, out, way) =>
        decodeTwice([first, second], bytes, out, way),
  )
}

function* decodeTwice(
  [first, second]: readonly [Decoder, Decoder],
  ...[bytes, out, way]: Parameters<Decoder>
): ReturnType<Decoder> {
  const between = out.emptyStore(bytes.length)
  try {
    yield* first(bytes, between, way)
    yield* second(between.finish(), out, way)
  } finally {
    between.close()
  }
}

/** The bytes that are expected of each encoded byte: nearly all large contents are in base64. */
const EXPECTED = 3 / 4

/** Decodes a source. The result is there until the steps of `use` are done, whose result this has. */
export function* decoded<Result>(
  source: Bytes,
  decoder: Decoder,
  work: Work,
  use: (content: Bytes) => Steps<Result>,
  way = new Way(),
): Steps<Result> {
  const bytes = (yield* work.gather(source)) as Buffer
  work.countBytes(bytes.length)
  let counted = bytes.length
  const store = new Store(work.pool, bytes.length * EXPECTED)
  try {
    let before = 0
    for (const examined of decoder(bytes, store, way)) {
      const { size } = store
      // A run in BinHex, a line of uuencode, and a character of another set become more bytes.
      if (size > counted) work.countBytes(size - counted)
      counted = Math.max(counted, size)
      yield* work.countUnits(Math.max(examined, size - before))
      before = size
    }
    return yield* use(Bytes.of(store.finish()))
  } finally {
    store.close()
  }
}

/**
 * Decodes a source once for each way that makes a difference to it. Returns the common one, which comes
 * first.
 */
export function* decodedInEachWay(
  source: Bytes,
  decoder: Decoder,
  work: Work,
  use: (content: Bytes) => Steps,
): Steps<Way> {
  let common: Way | undefined
  for (const way of eachWay()) {
    common ??= way
    yield* decoded(source, decoder, work, use, way)
  }
  return common!
}
