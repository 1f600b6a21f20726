/** What is called regularly for each connection, while there are any. */
export interface ConnectionWatch<Connection> {
  /** Milliseconds between two calls. */
  readonly every: number
  readonly tick: (connection: Connection) => void
}

/** The connections of a door that may be told to close, in the order of their coming. */
export class ConnectionSet<Connection> extends Set<Connection> {
  readonly #watch: ConnectionWatch<Connection> | undefined
  #timer: NodeJS.Timeout | undefined
  #emptied = () => {}

  constructor(watch?: ConnectionWatch<Connection>) {
    super()
    this.#watch = watch
  }

  override add(connection: Connection): this {
    if (this.#watch !== undefined) {
      this.#timer ??= setInterval(() => this.#tickAll(), this.#watch.every)
    }
    return super.add(connection)
  }

  override delete(connection: Connection): boolean {
    const wasThere = super.delete(connection)
    if (this.size === 0) {
      clearInterval(this.#timer)
      this.#timer = undefined
      this.#emptied()
    }
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

  #tickAll(): void {
    for (const connection of this) this.#watch!.tick(connection)
  }
}
