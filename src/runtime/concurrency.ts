/** Does a piece of work when it is its turn; resolves or rejects as the work does. */
export type InTurn = <Value>(work: () => Promise<Value>) => Promise<Value>

/** Lets so many pieces of work be done at once; others wait in the order of their coming. */
export function limitConcurrency(atOnce: number): InTurn {
  const waiting: (() => void)[] = []
  let working = 0
  return async (work) => {
    if (working >= atOnce) await new Promise<void>((resolve) => waiting.push(resolve))
    else working++
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else working--
    }
  }
}
