/** One header field to add. `value` is latin1, holds no line end but folds ("\n " or "\n\t"). */
export interface HeaderField {
  readonly name: string
  readonly value: string
}

/** What is changed in the header block; each door does it in its own protocol. */
export interface HeaderEdits {
  /** Lower-case names; every field of that name goes. */
  readonly remove: readonly string[]
  /** On top of the block, in this order. */
  readonly add: readonly HeaderField[]
}
