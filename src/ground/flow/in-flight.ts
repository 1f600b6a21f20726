/** Work in flight, by name: callers that ask for the same name get the same promise. */
export class InFlight<Value> {
  readonly #byName = new Map<string, Promise<Value>>()

  get(name: string): Promise<Value> | undefined {
    return this.#byName.get(name)
  }

  /** Notes work that has begun. It is in flight until its promise settles. Returns that promise. */
  begin(name: string, work: Promise<Value>): Promise<Value> {
    this.#byName.set(name, work)
    const remove = () => this.#byName.delete(name)
    work.then(remove, remove)
    return work
  }

  all(): Promise<Value>[] {
    return [...this.#byName.values()]
  }
}
