/** An entry of a list; it can be in one list at a time. */
export interface ListEntry<Entry> {
  before: Entry | undefined
  behind: Entry | undefined
}

/** A list in the order in which entries were added. Adding and removing take constant time. */
export class LinkedList<Entry extends ListEntry<Entry>> {
  #last: Entry | undefined

  /** The entry that was added last; undefined if the list is empty. */
  get last(): Entry | undefined {
    return this.#last
  }

  push(entry: Entry): void {
    entry.before = this.#last
    entry.behind = undefined
    if (this.#last !== undefined) this.#last.behind = entry
    this.#last = entry
  }

  /** Removes an entry, which must be in this list. */
  remove(entry: Entry): void {
    if (entry.before !== undefined) entry.before.behind = entry.behind
    if (entry.behind === undefined) this.#last = entry.before
    else entry.behind.before = entry.before
    entry.before = undefined
    entry.behind = undefined
  }
}
