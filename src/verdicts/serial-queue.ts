/** A place in a lane whose members are let in one after the other. */
export interface QueueTicket {
  /** Resolves when all who came before have left. */
  readonly before: Promise<void>
  /** May be called before it was let in, and more than once. */
  leave(): void
}

export interface SerialQueue {
  enter(): QueueTicket
}

export function createSerialQueue(): SerialQueue {
  /** Resolves when all who have come so far have left. */
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
