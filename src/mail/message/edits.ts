/** A header field to add. Its value is latin1, and has no line end but folds ("\n " or "\n\t"). */
export interface HeaderField {
  readonly name: string
  readonly value: string
}

/** The changes of a header block; each door makes them by its own protocol. */
export interface HeaderEdits {
  /** The lower-case names of fields that are removed. */
  readonly remove: readonly string[]
  /** The fields that are put on top of the block, in this order. */
  readonly add: readonly HeaderField[]
}
