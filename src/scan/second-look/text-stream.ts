import type { Emit } from './base64-stream.ts'
import { createQuotedPrintableDecoder, type QuotedPrintableListener } from './quoted-printable.ts'
import { createStore, type Shelf, type Store } from './store.ts'

export interface TextStream {
  readonly size: number
  push(bytes: Buffer, from: number, to: number): void
  /** What is there so far may be all: readers differ about whether it ends here. */
  mayEnd(): void
  end(): void
  /** It was no text: nothing of it is given. */
  drop(): void
}

/**
 * What is not in base64: as it stands and, where that is something else, out of
 * quoted-printable, with a `=` that is no escape kept and dropped.
 */
export function createTextStream(shelf: Shelf, emit: Emit): TextStream {
  const plain = createStore(shelf)
  let decoded: Store | undefined
  let isStrange = false
  let mayHaveEnded = false

  const listener: QuotedPrintableListener = {
    bytes: (bytes) => decoded!.append(bytes),
    changed(before) {
      decoded = createStore(shelf)
      for (const chunk of plain.chunks(before)) decoded.append(chunk)
    },
    strange() {
      isStrange = true
    },
  }
  const decoder = createQuotedPrintableDecoder(listener, shelf.room)

  function give(): void {
    if (plain.size > 0) emit(plain, plain.size, false)
    if (decoded) emit(decoded, decoded.size, true)
    if (!isStrange || !decoded) return
    giveWithoutStrange(plain, shelf, emit)
    giveInTwoSteps(plain, shelf, emit)
  }

  function close(): void {
    plain.close()
    decoded?.close()
  }

  return {
    get size() {
      return plain.size
    },
    push(bytes, from, to) {
      plain.append(bytes, from, to)
      decoder.push(bytes, from, to)
    },
    mayEnd() {
      if (!mayHaveEnded) give()
      mayHaveEnded = true
    },
    end() {
      decoder.end()
      give()
      close()
    },
    drop: close,
  }
}

/** First soft line breaks, then escapes: those that the breaks stood in are whole by then. */
function giveInTwoSteps(plain: Store, shelf: Shelf, emit: Emit): void {
  const joined = createStore(shelf)
  const breaks = createQuotedPrintableDecoder(copyInto(joined, plain), shelf.room, {
    breaksAlone: true,
  })
  for (const chunk of plain.chunks(plain.size)) breaks.push(chunk, 0, chunk.length)
  breaks.end()
  const store = createStore(shelf)
  const escapes = createQuotedPrintableDecoder(copyInto(store, joined), shelf.room)
  for (const chunk of joined.chunks(joined.size)) escapes.push(chunk, 0, chunk.length)
  escapes.end()
  emit(store, store.size, true)
  store.close()
  joined.close()
}

function copyInto(store: Store, plain: Store) {
  return {
    bytes: (bytes: Buffer) => store.append(bytes),
    changed(before: number) {
      for (const chunk of plain.chunks(before)) store.append(chunk)
    },
    strange() {},
  }
}

function giveWithoutStrange(plain: Store, shelf: Shelf, emit: Emit): void {
  const store = createStore(shelf)
  const decoder = createQuotedPrintableDecoder(copyInto(store, plain), shelf.room, {
    dropStrange: true,
  })
  for (const chunk of plain.chunks(plain.size)) decoder.push(chunk, 0, chunk.length)
  decoder.end()
  emit(store, store.size, true)
  store.close()
}
