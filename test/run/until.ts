import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { inspect } from 'node:util'

/** Milliseconds after which something hangs, on however busy a machine. */
export const HANGS_AFTER = 120_000

/** What this process waits for: test/before-tests.mjs prints it if the file is ended because it hangs. */
const waits = new Set<string>()
Object.assign(globalThis, { onescanWaits: waits })

async function whileNamed<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  waits.add(what)
  try {
    return await work()
  } finally {
    waits.delete(what)
  }
}

/**
 * Looks again and again until what is seen is as wanted, and resolves to it; by default it is wanted
 * to be true. Rejects if that never happens: `what` shows what was waited for.
 */
export function until<Value>(
  look: () => Value | Promise<Value>,
  what: string,
  isWanted: (value: Value) => boolean = Boolean,
): Promise<Value> {
  return whileNamed(what, async () => {
    const end = performance.now() + HANGS_AFTER
    for (;;) {
      const seen = await look()
      if (isWanted(seen)) return seen
      if (performance.now() > end) throw new Error(`in vain: ${what}; last seen: ${inspect(seen)}`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })
}

/**
 * Resolves to the value of an event that a process causes. Rejects when the process has ended without it: then
 * it cannot come any more. Anyone who waits for a process uses this.
 */
export function orItsEnd<Value>(
  child: ChildProcess,
  event: Promise<Value>,
  what: string,
): Promise<Value> {
  const noLonger = new AbortController()
  const ended = async (): Promise<never> => {
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, 'exit', { signal: noLonger.signal })
    }
    await new Promise((resolve) => setTimeout(resolve, 1000)) // its last output may be on the way
    const how = child.exitCode ?? child.signalCode
    throw new Error(`${child.spawnargs.join(' ').slice(0, 200)} ended with ${how} before: ${what}`)
  }
  return whileNamed(what, async () => {
    try {
      return await Promise.race([event, ended()])
    } finally {
      noLonger.abort()
    }
  })
}

/** The next bytes that a process writes to its standard output, as text; rejects if it ends before. */
export async function outputOf(child: ChildProcess): Promise<string> {
  const [bytes] = await orItsEnd(
    child,
    once(child.stdout!, 'data'),
    'something on its standard output',
  )
  return String(bytes)
}
