import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { inspect } from 'node:util'

/** Milliseconds after which a wait counts as hanging, however busy the machine is. */
export const HANGS_AFTER = 120_000

/** The events that this process waits for: test/before-tests.mjs prints them if the file is killed because it hangs. */
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
 * Repeats an observation until it is as wanted (by default true), and resolves to it. Rejects if that takes too long;
 * `what` names the awaited event in the error.
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
 * Resolves to the value of an event that a process causes. Rejects when the process has ended before, because the event
 * can then no longer occur. Use this for each wait for a process.
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

/**
 * Resolves to the exit code of a process, or to the signal that ended it, when what it has written is read here: then that
 * is in its pipes, which are read within these turns. Processes that it has started may have them open for longer.
 */
export async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = await once(child, 'exit')
  for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate)
  return code ?? signal
}

/** Resolves to the next bytes on the standard output of a process, as text. Rejects if it exits before. */
export async function outputOf(child: ChildProcess): Promise<string> {
  const [bytes] = await orItsEnd(
    child,
    once(child.stdout!, 'data'),
    'something on its standard output',
  )
  return String(bytes)
}
