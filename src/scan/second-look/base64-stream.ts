import {
  type Base64Decoder,
  type Base64Listener,
  type Break,
  createBase64Decoder,
} from './base64.ts'
import { type Shelf, Store } from './store.ts'

/** Bytes of the least that base64 has to make: less is a word of a text, and no file. */
export const LEAST = 12

/** Lines that begin in the middle of a group of four and are taken for a beginning. */
const LINES_MAX = 4

/** Places where readers part that pieces are made of, in each run of base64. */
const PLACES_MAX = 5000
/** Pieces of each run. Text in quoted-printable may look like padding in each line. */
const PIECES_MAX = 30

/** The first `length` bytes of a store as a content; `decoded` where they are not as they stand. */
export type Emit = (store: Store, length: number, decoded: boolean) => void

/**
 * Base64 in all the ways that it is read: as one, whatever stands in it; as one, with a new
 * beginning behind each padding; up to the first place where readers part, and from there
 * piece by piece. The whole is given if it has `least` bytes.
 */
export class Base64Stream {
  readonly #shelf: Shelf
  readonly #emit: Emit
  readonly #least: number
  readonly #whole: Store
  readonly #decoder: Base64Decoder
  #isPure = true
  #pieces: ReturnType<typeof createPieces> | undefined
  #rejoined: ReturnType<typeof createRejoined> | undefined
  /** Where in what is pushed the first place is, and the first padding. */
  #partedAt = -1
  #rejoinedFrom = -1
  #mayHaveEnded = false

  constructor(shelf: Shelf, emit: Emit, least = 1) {
    this.#shelf = shelf
    this.#emit = emit
    this.#least = least
    this.#whole = new Store(shelf)
    const listener: Base64Listener = {
      bytes: (room, length) => this.#whole.append(room, 0, length),
      heeds: (why) => this.#heeds(why),
      restarts: () => false,
      broken: (why, at) => this.#part(why, at),
    }
    this.#decoder = createBase64Decoder(listener, shelf.room)
  }

  /** Whether all readers agree so far that this is base64. */
  get isPure(): boolean {
    return this.#isPure
  }

  push(bytes: Buffer, from: number, to: number): void {
    this.#partedAt = this.#pieces ? from : -1
    this.#rejoinedFrom = this.#rejoined ? from : -1
    this.#decoder.push(bytes, from, to)
    this.#pieces?.push(bytes, this.#partedAt, to)
    this.#rejoined?.push(bytes, this.#rejoinedFrom, to)
  }

  /** What is there so far may be all: readers differ about whether it ends here. */
  mayEnd(): void {
    if (!this.#mayHaveEnded) this.#giveWhole()
    this.#mayHaveEnded = true
    this.#pieces?.cut()
  }

  end(): void {
    this.#giveWhole()
    this.#pieces?.cut()
    this.#rejoined?.end()
    this.#whole.close()
  }

  #giveWhole(): void {
    if (this.#whole.size >= this.#least) this.#emit(this.#whole, this.#whole.size, true)
  }

  #heeds(why: Break): boolean {
    if (!this.#pieces) return true
    return (why === 'padding' && !this.#rejoined) || (why !== 'line' && this.#isPure)
  }

  #part(why: Break, at: number): void {
    if (why !== 'line') this.#isPure = false
    if (this.#pieces === undefined) {
      this.#giveWhole()
      this.#pieces = createPieces(this.#shelf, this.#emit)
      this.#partedAt = at
    }
    if (why === 'padding' && this.#rejoined === undefined) {
      this.#rejoined = createRejoined(this.#shelf, this.#emit, this.#whole)
      this.#rejoinedFrom = at
    }
  }
}

/** From the first padding on; before it stands what `whole` has. */
function createRejoined(shelf: Shelf, emit: Emit, whole: Store) {
  const store = new Store(shelf)
  for (const chunk of whole.chunks(whole.size)) store.append(chunk)
  const listener: Base64Listener = {
    bytes: (room, length) => store.append(room, 0, length),
    heeds: () => false,
    broken() {},
    restarts: (why) => why === 'padding',
  }
  const { push } = createBase64Decoder(listener, shelf.room)
  return {
    push,
    end() {
      emit(store, store.size, true)
      store.close()
    },
  }
}

/** What stands between the places where readers part; of the first places. */
function createPieces(shelf: Shelf, emit: Emit) {
  const first = Buffer.alloc(LEAST)
  let length = 0
  let store: Store | undefined
  let linesLeft = LINES_MAX
  let placesLeft = PLACES_MAX
  let piecesLeft = PIECES_MAX

  function cut(): void {
    if (store) {
      emit(store, store.size, true)
      store.close()
      piecesLeft--
    }
    store = undefined
    length = 0
  }

  const isPlace = (why: Break) => why !== 'line' || linesLeft > 0
  const listener: Base64Listener = {
    bytes(room, end) {
      if (store) {
        store.append(room, 0, end)
        return
      }
      if (piecesLeft <= 0) return
      const copied = room.copy(first, length, 0, end)
      length += copied
      if (length < LEAST) return
      store = new Store(shelf)
      store.append(first)
      store.append(room, copied, end)
    },
    heeds: isPlace,
    restarts: isPlace,
    broken(why) {
      if (why === 'line') linesLeft--
      placesLeft--
      cut()
    },
  }
  const decoder = createBase64Decoder(listener, shelf.room)
  return {
    push(bytes: Buffer, from: number, to: number) {
      if (placesLeft > 0 && piecesLeft > 0) decoder.push(bytes, from, to)
      else cut()
    },
    cut,
  }
}
