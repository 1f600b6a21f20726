import { LruCache, SharedWork } from '../../base/flow/cache.ts'
import { endingText, runProgram } from '../../base/process/run-program.ts'
import { lowerCase } from '../../base/text/address.ts'

const POSTMAP = '/usr/sbin/postmap'
/** Processes at a time for one map, the keys of each, and the keys that wait: any client may ask about any name. */
const PROCESSES_MAX = 2
const KEYS_MAX = 100
const WAITING_MAX = 10_000
/** Upper limit, in bytes, for the answer about one key. */
const VALUE_MAX = 64 * 1024
/** Keys whose answer is cached, and the milliseconds for that. */
const CACHED_MAX = 10_000
const CACHED_FOR = 10_000

/** Exit code of postmap(1) without an error: there is no such key. */
const NO_KEY = 1
/** Its warnings where sockets of the Internet are forbidden, as in the unit. */
const NO_INTERNET = /^postmap: warning: inet_protocols: .*\n/gm

interface PostmapOptions {
  readonly uptime: () => number
  /** Milliseconds for a process. */
  readonly timeout: number
  readonly program: string | undefined
}

interface WaitingKey {
  readonly key: string
  readonly resolve: (value: string | undefined) => void
  readonly reject: (error: unknown) => void
}

/** postmap(1) was killed because it took too long. */
class TimeLimitError extends Error {}

/** A map of Postfix, which postmap(1) searches: each process for all keys that wait, so that no name delays the others long. */
export class Postmap {
  readonly #map: string
  readonly #options: PostmapOptions
  readonly #cache = new LruCache<{ readonly value: string | undefined; readonly at: number }>(
    CACHED_MAX,
  )
  readonly #asked = new SharedWork<string | undefined>()
  #waiting: WaitingKey[] = []
  #running = 0

  constructor(map: string, options: PostmapOptions) {
    this.#map = map
    this.#options = options
  }

  /** Resolves to the value of a key, or to undefined if there is none. Rejects with an Error if postmap fails. */
  async find(key: string): Promise<string | undefined> {
    if (/[\0-\x1f]/.test(key)) return undefined // a key is a line
    const cached = this.#cache.get(key)
    const { uptime } = this.#options
    if (cached !== undefined && uptime() - cached.at < CACHED_FOR) return cached.value
    return this.#asked.get(key) ?? this.#asked.begin(key, this.#ask(key))
  }

  async #ask(key: string): Promise<string | undefined> {
    if (this.#waiting.length >= WAITING_MAX)
      throw new Error(`postmap ${this.#map}: more than ${WAITING_MAX} names wait`)
    const value = await new Promise<string | undefined>((resolve, reject) => {
      this.#waiting.push({ key, resolve, reject })
      queueMicrotask(() => this.#start()) // with the other keys of the same name
    })
    this.#cache.set(key, { value, at: this.#options.uptime() })
    return value
  }

  #start(): void {
    if (this.#running === PROCESSES_MAX || this.#waiting.length === 0) return
    const batch = this.#waiting.splice(0, KEYS_MAX)
    this.#running++
    void this.#answer(batch).finally(() => {
      this.#running--
      this.#start()
    })
    this.#start()
  }

  async #answer(batch: readonly WaitingKey[]): Promise<void> {
    try {
      const found = await this.#query(batch.map(({ key }) => key))
      for (const { key, resolve } of batch) resolve(found.get(lowerCase(key)))
    } catch (error) {
      // A map that does not answer in time would take the whole limit again for each key.
      const isAboutAll = batch.length === 1 || error instanceof TimeLimitError
      if (isAboutAll) for (const { reject } of batch) reject(error)
      // The error may be about one of the keys.
      else for (const waiting of batch) await this.#answer([waiting])
    }
  }

  /** Resolves to the values of the keys that the map has, by the keys in lower case. */
  async #query(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { timeout, program = POSTMAP } = this.#options
    const answer = (text: string) => {
      const lines = text.split('\n').map((line) => /^([^\t]*)\t(.*)$/s.exec(line) ?? [])
      return new Map(lines.map(([, key = '', value = '']) => [lowerCase(key), value]))
    }
    const ended = await runProgram({
      command: [program, '-q', '-', this.#map],
      input: Buffer.from(keys.map((key) => `${key}\n`).join(''), 'latin1'),
      within: timeout,
      most: keys.length * VALUE_MAX,
    })
    const { code, output, complaint, exceeded } = ended
    const words = complaint.replace(NO_INTERNET, '').trim()
    if (code === 0 || (code === NO_KEY && words === '')) return answer(output.toString('latin1'))
    const reason = exceeded ? `exceeds its limit of ${exceeded}` : endingText(ended)
    const message = `postmap -q ${keys[0]} ${this.#map}: ${words || reason}`
    throw exceeded === 'time' ? new TimeLimitError(message) : new Error(message)
  }
}
