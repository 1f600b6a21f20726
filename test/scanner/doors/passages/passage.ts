import { createInterface } from 'node:readline'
import type { RunningDaemon } from '../../daemon/process.ts'

/** What became of a message at a door. */
export interface Passage {
  readonly outcome: 'passed' | 'refused' | 'deferred' | 'dropped'
  /** The line of the log about it. */
  readonly log: string
  /** In the form in which it would leave without us. */
  readonly came: Buffer
  readonly left: Buffer | undefined
  /** Whether the interface received another header than is there: one without blanks before colons, or none. */
  readonly retold?: boolean
}

/** What a host does with viruses. */
export type Variant = 'refuse' | 'tag' | 'skip'

export interface Door {
  readonly name: string
  send(message: Buffer): Promise<Passage>
}

/** `scan=` of a line of the log; of a message that is known, its first result. */
export function scanOf({ log }: Passage): string {
  const result = /\bscan=(\w+)/.exec(log)?.[1] ?? ''
  if (result !== 'cached') return result
  return / (?:virus|banned)=/.test(log) ? 'infected' : 'clean'
}

/** Returns what resolves to the line of the log about a message, by its queue id. */
export function linesByQueueId({ child }: RunningDaemon): (id: string) => Promise<string> {
  const logged = new Map<string, (line: string) => void>()
  createInterface({ input: child.stderr! }).on('line', (line) => {
    const id = /\bqueue=(\w+)/.exec(line)?.[1] ?? ''
    logged.get(id)?.(line)
    logged.delete(id)
  })
  return (id) => new Promise((resolve) => logged.set(id, resolve))
}

/** Does all of it, so much at once. */
export async function inLanes<Item>(
  items: Iterable<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const left = items[Symbol.iterator]()
  const lane = async () => {
    for (let next = left.next(); !next.done; next = left.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: atOnce }, lane))
}
