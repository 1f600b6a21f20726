/** The connections of a door that may be told to close, in the order of their coming. */
export class ConnectionSet<Connection> extends Set<Connection> {
  #emptied = () => {}

  override delete(connection: Connection): boolean {
    const wasThere = super.delete(connection)
    if (this.size === 0) this.#emptied()
    return wasThere
  }

  /**
   * Resolves when all connections are over, at once if there are none. Those that are open after
   * `grace` milliseconds are ended by `dismiss`. May be called once, when no more connections are
   * let in.
   */
  drain(grace: number, dismiss: (connection: Connection) => void): Promise<void> {
    if (this.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        for (const connection of this) dismiss(connection)
      }, grace)
      this.#emptied = () => {
        clearTimeout(late)
        resolve()
      }
    })
  }
}
