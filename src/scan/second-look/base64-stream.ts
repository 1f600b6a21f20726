import { type Base64Listener, type Break, createBase64Decoder } from './base64.ts'
import { createStore, type Shelf, type Store } from './store.ts'

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

export interface Base64Stream {
  push(bytes: Buffer, from: number, to: number): void
  /** What is there so far may be all: readers differ about whether it ends here. */
  mayEnd(): void
  end(): void
  /** Whether all readers agree so far that this is base64. */
  readonly isPure: boolean
}

/**
 * Base64 in all the ways that it is read: as one, whatever stands in it; as one, with a new
 * beginning behind each padding; up to the first place where readers part, and from there
 * piece by piece. The whole is given if it has `least` bytes.
 */
export function createBase64Stream(shelf: Shelf, emit: Emit, least = 1): Base64Stream {
  const whole = createStore(shelf)
  let isPure = true
  let pieces: ReturnType<typeof createPieces> | undefined
  let rejoined: ReturnType<typeof createRejoined> | undefined
  let partedAt = -1
  let rejoinedFrom = -1
  let mayHaveEnded = false

  const listener: Base64Listener = {
    bytes: (room, length) => whole.append(room, 0, length),
    heeds: (why) => !pieces || (why === 'padding' && !rejoined) || (why !== 'line' && isPure),
    restarts: () => false,
    broken(why, at) {
      if (why !== 'line') isPure = false
      if (pieces === undefined) {
        if (whole.size >= least) emit(whole, whole.size, true)
        pieces = createPieces(shelf, emit)
        partedAt = at
      }
      if (why === 'padding' && rejoined === undefined) {
        rejoined = createRejoined(shelf, emit, whole)
        rejoinedFrom = at
      }
    },
  }
  const decoder = createBase64Decoder(listener, shelf.room)
  return {
    get isPure() {
      return isPure
    },
    push(bytes, from, to) {
      partedAt = pieces ? from : -1
      rejoinedFrom = rejoined ? from : -1
      decoder.push(bytes, from, to)
      pieces?.push(bytes, partedAt, to)
      rejoined?.push(bytes, rejoinedFrom, to)
    },
    mayEnd() {
      if (!mayHaveEnded && whole.size >= least) emit(whole, whole.size, true)
      mayHaveEnded = true
      pieces?.cut()
    },
    end() {
      if (whole.size >= least) emit(whole, whole.size, true)
      pieces?.cut()
      rejoined?.end()
      whole.close()
    },
  }
}

/** From the first padding on; before it stands what `whole` has. */
function createRejoined(shelf: Shelf, emit: Emit, whole: Store) {
  const store = createStore(shelf)
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
      store = createStore(shelf)
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
