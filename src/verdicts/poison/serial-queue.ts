/** A place in a queue whose members have their turns one after another. */
export interface QueueTicket {
  /** Resolves when all members before this one have left. */
  readonly before: Promise<void>
  /** Leaves the queue, also before the turn has come. Further calls do nothing. */
  leave(): void
}

export class SerialQueue {
  /** Resolves when all members so far have left. */
  #allLeft: Promise<void> = Promise.resolve()

  enter(): QueueTicket {
    const before = this.#allLeft
    let leave = () => {}
    const own = new Promise<void>((resolve) => {
      leave = resolve
    })
    this.#allLeft = before.then(() => own)
    return { before, leave }
  }
}
