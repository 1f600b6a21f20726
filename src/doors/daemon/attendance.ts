/** Who is at a door that may be told to close. */
export interface Attendance<One> {
  /** In the order of their coming. */
  readonly present: ReadonlySet<One>
  enter(one: One): void
  leave(one: One): void
  /**
   * Resolves when nobody is there, at once where nobody is; who still is after `grace`
   * milliseconds is told to go by `dismiss`. For one call, when no more are let in.
   */
  allGone(grace: number, dismiss: (one: One) => void): Promise<void>
}

export function createAttendance<One>(): Attendance<One> {
  const present = new Set<One>()
  let emptied = () => {}
  return {
    present,
    enter(one) {
      present.add(one)
    },
    leave(one) {
      present.delete(one)
      if (present.size === 0) emptied()
    },
    allGone(grace, dismiss) {
      if (present.size === 0) return Promise.resolve()
      return new Promise((resolve) => {
        const late = setTimeout(() => {
          for (const one of present) dismiss(one)
        }, grace)
        emptied = () => {
          clearTimeout(late)
          resolve()
        }
      })
    },
  }
}
