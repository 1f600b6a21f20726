/** Work under way, by name: callers that want the same get the same promise. */
export interface UnderWay<Value> {
  get(name: string): Promise<Value> | undefined
  /** Notes work that has begun, until it has ended. */
  begin(name: string, work: Promise<Value>): Promise<Value>
  all(): Promise<Value>[]
}

export function createUnderWay<Value>(): UnderWay<Value> {
  const byName = new Map<string, Promise<Value>>()
  return {
    get: (name) => byName.get(name),
    begin(name, work) {
      byName.set(name, work)
      const over = () => byName.delete(name)
      work.then(over, over)
      return work
    },
    all: () => [...byName.values()],
  }
}
