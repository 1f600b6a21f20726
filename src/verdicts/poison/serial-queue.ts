/** A place in a queue whose members have their turns one after another. */
export interface QueueTicket {
  /** Resolves when all members before this one have left. */
  readonly before: Promise<void>
  /** Leaves the queue, also before the turn has come. Further calls do nothing. */
  leave(): void
}

export interface SerialQueue {
  enter(): QueueTicket
}

export function createSerialQueue(): SerialQueue {
  /** Resolves when all members so far have left. */
  let allLeft: Promise<void> = Promise.resolve()
  return {
    enter() {
      const before = allLeft
      let leave = () => {}
      const own = new Promise<void>((resolve) => {
        leave = resolve
      })
      allLeft = before.then(() => own)
      return { before, leave }
    },
  }
}
