import type { Leaf } from '../structure/leaf.ts'

/** A leaf, in what is known when it ends. */
type EndedLeaf = Omit<Leaf, 'isOwnText' | 'carved'> & {
  /** Whether it is text between the parts of a multipart, which is part of the mail's own text. */
  readonly isBetween: boolean
}

/** The leaf parts of an ordinary mail, as they are found. */
export class FoundLeaves {
  readonly #leaves: Leaf[] = []
  /** The types of the texts so far. */
  readonly #textTypes = new Set<string>()

  /** Adds a leaf, unless it is empty. */
  add(leaf: EndedLeaf): void {
    if (leaf.to <= leaf.from || leaf.encodings.length === 0) return
    const { from, to, header, encodings, depth, isPreamble } = leaf
    const isOwn = this.#isOwnText(leaf)
    this.#leaves.push({
      from,
      to,
      header,
      encodings,
      depth,
      isOwnText: leaf.isBetween || isOwn,
      isPreamble,
    })
  }

  #isOwnText({ header, depth }: EndedLeaf): boolean {
    const type = header.type === '' ? 'text/plain' : header.type
    const isFirst = !this.#textTypes.has(type)
    if (header.text !== 'file' || header.type === '') this.#textTypes.add(type)
    return header.text === 'shown' && isFirst && depth.messages === 0
  }

  /** Returns them by their places. A message comes before what is in it. */
  sorted(): readonly Leaf[] {
    return this.#leaves.toSorted((one, other) => one.from - other.from)
  }
}
