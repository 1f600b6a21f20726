/** An entry that can stand in one line at a time. */
export interface ListEntry<Entry> {
  before: Entry | undefined
  behind: Entry | undefined
}

/**
 * Entries in the order of their coming. Entering and leaving take the same time, however long the
 * line is.
 */
export class LinkedList<Entry extends ListEntry<Entry>> {
  #last: Entry | undefined

  /** Undefined if it is empty. */
  get last(): Entry | undefined {
    return this.#last
  }

  push(entry: Entry): void {
    entry.before = this.#last
    entry.behind = undefined
    if (this.#last !== undefined) this.#last.behind = entry
    this.#last = entry
  }

  /** It must stand in this line. */
  remove(entry: Entry): void {
    if (entry.before !== undefined) entry.before.behind = entry.behind
    if (entry.behind === undefined) this.#last = entry.before
    else entry.behind.before = entry.before
    entry.before = undefined
    entry.behind = undefined
  }
}
