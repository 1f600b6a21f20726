/** Work in flight, by name: callers that ask for the same name get the same promise. */
export interface InFlight<Value> {
  get(name: string): Promise<Value> | undefined
  /** Notes work that has begun. It is in flight until its promise settles. Returns that promise. */
  begin(name: string, work: Promise<Value>): Promise<Value>
  all(): Promise<Value>[]
}

export function createInFlight<Value>(): InFlight<Value> {
  const byName = new Map<string, Promise<Value>>()
  return {
    get: (name) => byName.get(name),
    begin(name, work) {
      byName.set(name, work)
      const remove = () => byName.delete(name)
      work.then(remove, remove)
      return work
    },
    all: () => [...byName.values()],
  }
}
