/**
 * The places where clamd looks for the first bytes of tape archives and disk images. clamd gets a top
 * line more in front, so the places are wide.
 */
const MAGIC: readonly { readonly word: string; readonly from: number; readonly to: number }[] = [
  { word: 'ustar', from: 0, to: 512 },
  { word: 'EFI PART', from: 0, to: 1024 },
  { word: 'CD001', from: 32 * 1024 - 512, to: 33 * 1024 },
]
const MAGIC_END = 33 * 1024

/** Looks for such words where clamd does, in a message that comes in pieces of any size. */
export class MagicWords {
  #offset = 0 // of the next chunk in the message
  /** The bytes of the message at each place of MAGIC, as far as they have come. */
  readonly #windows: (Buffer | undefined)[] = []

  /** Takes the next bytes. Returns whether a word is in its place now. */
  isIn(chunk: Buffer): boolean {
    if (this.#offset >= MAGIC_END) return false
    let isThere = false
    for (const [index, { word, from, to }] of MAGIC.entries()) {
      if (this.#offset >= to || this.#offset + chunk.length <= from) continue
      this.#windows[index] ??= Buffer.alloc(to - from)
      const seen = this.#windows[index]
      const start = Math.max(0, from - this.#offset)
      chunk.copy(seen, Math.max(0, this.#offset - from), start, to - this.#offset)
      if (seen.includes(word, 0, 'latin1')) isThere = true
    }
    this.#offset += chunk.length
    return isThere
  }
}
