import { createCircuits } from '../quota/circuit.ts'
import { errorText } from '../runtime/fault.ts'
import { SEALED_MAX } from './seal.ts'
import type { VerdictStore } from './store.ts'
import { connectToStore, type StoreClientOptions } from './store-client.ts'

export interface SharedStoreOptions extends Omit<StoreClientOptions, 'trouble'> {
  /** Milliseconds that a message waits for an answer. */
  readonly timeout: number
  readonly log: (line: string) => void
  /** Milliseconds on a clock that nobody sets. */
  readonly uptime: () => number
}

/** What our keys begin with; the rest of one is its fingerprint, base64url. */
export const KEY_PREFIX = 'onescan:verdict:1:'

/** Characters of a server's error that are logged. */
const TOLD_MAX = 200
/** Milliseconds for storing a verdict, for which no mail waits. */
const PUT_WITHIN = 5_000

/**
 * Verdicts in a store that hosts share: Valkey or Redis, one server, a cluster, or behind
 * sentinels. If it does not answer within `timeout`, it is not asked for a second, and longer
 * each time; then a question for which no mail waits finds out whether it answers again.
 * Its answers are not trusted: see seal.ts.
 */
export function openSharedStore(options: SharedStoreOptions): VerdictStore {
  const { address, timeout, log, uptime } = options
  const circuits = createCircuits(uptime)
  const troubles = new Map<'connection' | 'get' | 'put', string>()
  const client = connectToStore({ ...options, trouble: (why) => tell('connection', why) })

  /** Once, until something else is the matter. */
  function tell(where: 'connection' | 'get' | 'put', why: string): void {
    const said = why.slice(0, TOLD_MAX)
    const isKnown = [...troubles.values()].includes(said)
    troubles.set(where, said)
    if (!isKnown) log(`VERDICTS ${address.text}: ${said}; messages are scanned meanwhile`)
  }

  function failed(what: 'get' | 'put', error: unknown): void {
    // The old connection may be one to nowhere, and will never say so.
    if (circuits.failed(what) !== undefined && isSilence(error)) client.renew()
    tell(what, errorText(error))
  }

  function answered(what: 'get' | 'put'): void {
    circuits.answered(what)
    if (troubles.size === 0) return
    troubles.delete('connection')
    troubles.delete(what)
    if (troubles.size === 0) log(`VERDICTS ${address.text}: answers again`)
  }

  async function ask(key: string, within: number): Promise<Buffer | undefined> {
    try {
      // One byte more than any of ours has: who can write there can write a lot.
      const head = await inTime(client.head(key, SEALED_MAX + 1), within)
      answered('get')
      return head.length === 0 ? undefined : head
    } catch (error) {
      if (isOfTheKey(error)) return undefined
      failed('get', error)
      return undefined
    }
  }

  return {
    get(fingerprint) {
      if (!client.isReady) return undefined
      const state = circuits.state('get')
      if (state === 'open') return undefined
      const asked = ask(keyOf(fingerprint), state === 'probe' ? PUT_WITHIN : timeout)
      return state === 'probe' ? undefined : asked
    },
    put(fingerprint, sealed, seconds) {
      // What says nothing is given nothing: that would lie in memory until it does.
      if (!client.isReady || troubles.has('get') || circuits.state('put') === 'open') return
      inTime(client.set(keyOf(fingerprint), sealed, Math.max(1, seconds)), PUT_WITHIN).then(
        () => answered('put'),
        (error) => failed('put', error),
      )
    },
    close: () => client.end(),
  }
}

function keyOf(fingerprint: Buffer): string {
  return `${KEY_PREFIX}${fingerprint.toString('base64url')}`
}

class Silence extends Error {}

const isSilence = (error: unknown): boolean => error instanceof Silence

/** Somebody put something else there: the store is well. */
const isOfTheKey = (error: unknown): boolean => errorText(error).startsWith('WRONGTYPE')

async function inTime<Value>(work: Promise<Value>, milliseconds: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Silence(`no answer in ${milliseconds} ms`)), milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Puts a value into a store, asks for it, and returns how many milliseconds the answer took.
 * Rejects if the store refuses the connection, or does not keep or return the value.
 */
export async function tryStore(
  where: Omit<StoreClientOptions, 'trouble'>,
  timeout: number,
): Promise<number> {
  let trouble = 'no connection'
  const client = connectToStore({
    ...where,
    trouble(why) {
      trouble = why
    },
  })
  const until = performance.now() + timeout
  const key = `${KEY_PREFIX}check`
  try {
    while (!client.isReady) {
      if (performance.now() > until) throw new Error(trouble)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    await inTime(client.set(key, Buffer.from('check'), 1), timeout)
    const asked = performance.now()
    const answer = await inTime(client.head(key, SEALED_MAX), timeout)
    if (answer.toString() !== 'check') throw new Error('it does not keep a value')
    return performance.now() - asked
  } finally {
    client.end()
  }
}
