import { LimitExceeded, limits } from '../budget/limits.ts'

/** The units of work of a character of a boundary. */
const CHARACTER_COST = 12

/** The states that are counted together. */
const STATES_PER_COUNT = 1024

/** A byte behind the boundary of a delimiter, to a program that allows any white space. */
const BLANK = /[\t-\r \x85\xa0]/

/**
 * The search of the lines above the first part for a delimiter in the middle of a line, in bytes that come in pieces.
 * Each byte takes a step or two, whatever the boundaries are.
 */
export class PreambleSearch {
  readonly #boundaries: readonly string[]
  #delimiters: Delimiters | undefined
  /** The state that the bytes so far lead to. */
  #state = NOTHING
  /** The number of bytes so far, and the last of them. */
  #before = 0
  #last = '\n'
  /** The offset of dashes with which a line begins. */
  #lineAt = -1
  /** The steps of the automaton in this piece. */
  #steps = 0

  /** `boundaries` are in lower case. */
  constructor(boundaries: readonly string[]) {
    this.#boundaries = boundaries
  }

  /**
   * Returns the offset, since the first piece, of dashes in the middle of a line that a boundary and a blank follow, or
   * undefined if no such text ends in this piece. The first one that ends is found. Yields units of work. Throws
   * LimitExceeded if the boundaries are too long.
   */
  *next(piece: Buffer): Generator<number, number | undefined> {
    yield piece.length
    const text = piece.toString('latin1').toLowerCase()
    let found: number | undefined
    for (let at = 0; at < text.length && found === undefined; at++) {
      if (this.#state === NOTHING) {
        at = dashesFrom(text, at)
        if (at === text.length) break
        const isFirst = (at === 0 ? this.#last : text[at - 1]) === '\n'
        this.#lineAt = isFirst ? this.#before + at : -1
      }
      if (this.#delimiters === undefined) this.#delimiters = yield* delimitersOf(this.#boundaries)
      found = this.#take(text.charCodeAt(at), this.#before + at, this.#delimiters)
    }
    this.#before += text.length
    this.#last = text.at(-1) ?? this.#last
    yield this.#steps
    this.#steps = 0
    return found
  }

  /** Takes the byte at an offset. Returns the offset of the dashes, if a delimiter ends in front of the byte. */
  #take(byte: number, at: number, { longer, shorter, lengths }: Delimiters): number | undefined {
    const length = lengths[this.#state]!
    const isFound = length > 0 && BLANK.test(String.fromCharCode(byte))
    if (isFound && at - length !== this.#lineAt) return at - length
    let from = this.#state
    for (; from !== NOTHING && !longer.has(keyOf(from, byte)); from = shorter[from]!) this.#steps++
    this.#steps++
    this.#state = longer.get(keyOf(from, byte)) ?? NOTHING
    return undefined
  }
}

/** Returns the offset of the next two dashes, of a dash at the end, or of the end. */
function dashesFrom(text: string, from: number): number {
  const dashes = text.indexOf('--', from)
  if (dashes >= 0) return dashes
  return text.endsWith('-') ? text.length - 1 : text.length
}

/** The state after bytes with which no delimiter begins. */
const NOTHING = 0

/** The delimiters that one byte after another may complete. */
const POSSIBLE = /^[^\n\u0100-\uffff]*$/

/**
 * The automaton that finds any of several texts in one pass (Aho and Corasick, 1975). Each state is the
 * beginning of a text.
 */
interface Delimiters {
  /** The state that a byte leads to from a state (keyOf), if the beginning of a text goes on with it. */
  readonly longer: ReadonlyMap<number, number>
  /** For each state, that of the longest other beginning that it ends with. */
  readonly shorter: readonly number[]
  /** For each state, the length of the shortest text that it ends with, or 0. */
  readonly lengths: readonly number[]
}

/** Makes the automaton. Yields units of work. Throws LimitExceeded if it has too many states. */
function* delimitersOf(boundaries: readonly string[]): Generator<number, Delimiters> {
  const longer = new Map<number, number>()
  const shorter = [NOTHING]
  const lengths = [0]
  const next = (state: number, byte: number): number =>
    longer.get(keyOf(state, byte)) ?? (state === NOTHING ? NOTHING : next(shorter[state]!, byte))
  const add = (state: number, byte: number): number => {
    const known = longer.get(keyOf(state, byte))
    if (known !== undefined) return known
    const end = state === NOTHING ? NOTHING : next(shorter[state]!, byte)
    const added = shorter.push(end) - 1
    lengths.push(lengths[end]!)
    longer.set(keyOf(state, byte), added)
    return added
  }
  const texts = boundaries.filter((text) => POSSIBLE.test(text)).map((text) => `--${text}`)
  const states = texts.map(() => NOTHING)
  let counted = 0
  // The shorter beginnings of all texts come first, because the longer ones refer to them.
  for (let at = 0, isDone = false; !isDone; at++) {
    isDone = true
    for (const [number, text] of texts.entries()) {
      if (at >= text.length) continue
      isDone = false
      const state = add(states[number]!, text.charCodeAt(at))
      states[number] = state
      if (at === text.length - 1) lengths[state] ||= text.length
    }
    if (lengths.length > limits.boundaryCharacters)
      throw new LimitExceeded(`boundaries of more than ${limits.boundaryCharacters} characters`)
    if (isDone || lengths.length - counted >= STATES_PER_COUNT) {
      yield (lengths.length - counted) * CHARACTER_COST
      counted = lengths.length
    }
  }
  return { longer, shorter, lengths }
}

function keyOf(state: number, byte: number): number {
  return state * 256 + byte
}
