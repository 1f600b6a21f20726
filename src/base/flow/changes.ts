/** What happens to something, such as a connection: those who wait for it look again after each change. */
export class Changes {
  #waiting: (() => void)[] = []

  /** Has all who wait look again. */
  announce(): void {
    for (const wake of this.#waiting.splice(0)) wake()
  }

  /**
   * Resolves to the result of `find` as soon as it has one, or to undefined if it has none and `hasEnded`: no more changes
   * follow. Looks at once, and after each change. Rejects with the errors of both.
   */
  async until<Found>(
    find: () => Found | undefined,
    hasEnded: () => boolean,
  ): Promise<Found | undefined> {
    for (;;) {
      const found = find()
      if (found !== undefined || hasEnded()) return found
      await new Promise<void>((wake) => {
        this.#waiting.push(wake)
      })
    }
  }
}
