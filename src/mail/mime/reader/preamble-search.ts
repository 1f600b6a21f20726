/** The units of work of a character of a boundary, in addition to the steps. */
const CHARACTER_COST = 12

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
  #units = 0

  /** `boundaries` are in lower case. */
  constructor(boundaries: readonly string[]) {
    this.#boundaries = boundaries
  }

  /**
   * Returns the offset, since the first piece, of dashes in the middle of a line that a boundary and a blank follow, or
   * undefined if no such text ends in this piece. The first one that ends is found.
   */
  next(piece: Buffer): number | undefined {
    this.#units += piece.length
    const text = piece.toString('latin1').toLowerCase()
    for (let at = 0; at < text.length; at++) {
      if (this.#state === NOTHING) {
        at = dashesFrom(text, at)
        if (at === text.length) break
        const isFirst = (at === 0 ? this.#last : text[at - 1]) === '\n'
        this.#lineAt = isFirst ? this.#before + at : -1
      }
      const found = this.#take(text.charCodeAt(at), this.#before + at)
      if (found !== undefined) return found
    }
    this.#before += text.length
    this.#last = text.at(-1) ?? this.#last
    return undefined
  }

  /** Takes the byte at an offset. Returns the offset of the dashes, if a delimiter ends in front of the byte. */
  #take(byte: number, at: number): number | undefined {
    this.#delimiters ??= this.#read()
    const length = this.#delimiters.lengthAt(this.#state)
    const isFound = length > 0 && BLANK.test(String.fromCharCode(byte))
    if (isFound && at - length !== this.#lineAt) return at - length
    this.#state = this.#delimiters.next(this.#state, byte)
    this.#units += this.#delimiters.takeSteps()
    return undefined
  }

  #read(): Delimiters {
    const delimiters = new Delimiters(this.#boundaries.map((boundary) => `--${boundary}`))
    this.#units += delimiters.states * CHARACTER_COST + delimiters.takeSteps()
    return delimiters
  }

  takeUnits(): number {
    const units = this.#units
    this.#units = 0
    return units
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
class Delimiters {
  /** The state that a byte leads to from a state, if the beginning of a text goes on with it. */
  readonly #longer = new Map<number, number>()
  /** For each state, that of the longest other beginning that it ends with. */
  readonly #shorter = [NOTHING]
  /** For each state, the length of the shortest text that it ends with, or 0. */
  readonly #lengths = [0]
  #steps = 0

  constructor(texts: readonly string[]) {
    const possible = texts.filter((text) => POSSIBLE.test(text))
    let open = possible.map((text) => ({ text, state: NOTHING }))
    // The shorter beginnings of all texts come first, because the longer ones refer to them.
    for (let length = 0; open.length > 0; length++) {
      open = open.filter(({ text }) => text.length > length)
      for (const one of open) {
        one.state = this.#add(one.state, one.text.charCodeAt(length))
        if (one.text.length === length + 1) this.#lengths[one.state] ||= one.text.length
      }
    }
  }

  get states(): number {
    return this.#lengths.length
  }

  /** Returns the length of the shortest text that ends in a state, or 0. */
  lengthAt(state: number): number {
    return this.#lengths[state]!
  }

  /** Returns the state to which a byte leads. */
  next(state: number, byte: number): number {
    for (let from = state; ; from = this.#shorter[from]!) {
      this.#steps++
      const longer = this.#longer.get(keyOf(from, byte))
      if (longer !== undefined) return longer
      if (from === NOTHING) return NOTHING
    }
  }

  #add(state: number, byte: number): number {
    const known = this.#longer.get(keyOf(state, byte))
    if (known !== undefined) return known
    const shorter = state === NOTHING ? NOTHING : this.next(this.#shorter[state]!, byte)
    const added = this.#lengths.push(this.#lengths[shorter]!) - 1
    this.#shorter.push(shorter)
    this.#longer.set(keyOf(state, byte), added)
    return added
  }

  /** Returns the steps since the last call: the states that were tried. */
  takeSteps(): number {
    const steps = this.#steps
    this.#steps = 0
    return steps
  }
}

function keyOf(state: number, byte: number): number {
  return state * 256 + byte
}
