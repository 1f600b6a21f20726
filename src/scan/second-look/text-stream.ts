import type { Emit } from './base64-stream.ts'
import {
  createQuotedPrintableDecoder,
  type QuotedPrintableDecoder,
  type QuotedPrintableListener,
} from './quoted-printable.ts'
import { type Shelf, Store } from './store.ts'

/**
 * What is not in base64: as it stands and, if that is something else, out of
 * quoted-printable, with a `=` that is no escape kept and dropped.
 */
export class TextStream {
  readonly #shelf: Shelf
  readonly #emit: Emit
  readonly #plain: Store
  readonly #decoder: QuotedPrintableDecoder
  #decoded: Store | undefined
  #isStrange = false
  #mayHaveEnded = false

  constructor(shelf: Shelf, emit: Emit) {
    this.#shelf = shelf
    this.#emit = emit
    this.#plain = new Store(shelf)
    const listener: QuotedPrintableListener = {
      bytes: (bytes) => this.#decoded!.append(bytes),
      changed: (before) => {
        this.#decoded = new Store(shelf)
        for (const chunk of this.#plain.chunks(before)) this.#decoded.append(chunk)
      },
      strange: () => {
        this.#isStrange = true
      },
    }
    this.#decoder = createQuotedPrintableDecoder(listener, shelf.room)
  }

  get size(): number {
    return this.#plain.size
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#plain.append(bytes, from, to)
    this.#decoder.push(bytes, from, to)
  }

  /** What is there so far may be all: readers differ about whether it ends here. */
  mayEnd(): void {
    if (!this.#mayHaveEnded) this.#give()
    this.#mayHaveEnded = true
  }

  end(): void {
    this.#decoder.end()
    this.#give()
    this.drop()
  }

  /** It was no text: nothing of it is given. */
  drop(): void {
    this.#plain.close()
    this.#decoded?.close()
  }

  #give(): void {
    if (this.#plain.size > 0) this.#emit(this.#plain, this.#plain.size, false)
    if (!this.#decoded) return
    this.#emit(this.#decoded, this.#decoded.size, true)
    if (!this.#isStrange) return
    giveWithoutStrange(this.#plain, this.#shelf, this.#emit)
    giveInTwoSteps(this.#plain, this.#shelf, this.#emit)
  }
}

/** First soft line breaks, then escapes: those that the breaks stood in are whole by then. */
function giveInTwoSteps(plain: Store, shelf: Shelf, emit: Emit): void {
  const joined = new Store(shelf)
  const breaks = createQuotedPrintableDecoder(copyInto(joined, plain), shelf.room, {
    breaksAlone: true,
  })
  for (const chunk of plain.chunks(plain.size)) breaks.push(chunk, 0, chunk.length)
  breaks.end()
  const store = new Store(shelf)
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
  const store = new Store(shelf)
  const decoder = createQuotedPrintableDecoder(copyInto(store, plain), shelf.room, {
    dropStrange: true,
  })
  for (const chunk of plain.chunks(plain.size)) decoder.push(chunk, 0, chunk.length)
  decoder.end()
  emit(store, store.size, true)
  store.close()
}
