import { type Cell, KINDS, SIZES } from './cells.ts'
import type { Contestant } from './contestants.ts'
import { drive } from './drive.ts'
import { takeLog } from './log-file.ts'
import { emptyQueue, ourFields, queuedHeaders } from './queued.ts'

export interface Ground {
  /** Environment of this contestant. */
  readonly environment: Readonly<Record<string, string>>
  readonly queue: string
  /** sink.c: what comes out of it can be looked at, whatever the chain of the run is. */
  readonly sink: string
  /** A file for the wrapper's stderr; removed. */
  readonly log: string
  message(kind: Cell['kind'], size: Cell['size']): string
}

/**
 * Sends one message of each kind through a contestant and looks at what comes out: one
 * that is fast because it does not do its work must not win. The reasons why not, if any.
 */
export async function prove(contestant: Contestant, ground: Ground): Promise<string[]> {
  const faults: string[] = []
  for (const kind of KINDS) {
    const takesPart = SIZES.find((size) => contestant.takesPart({ kind, size, atOnce: 1 }))
    if (takesPart === undefined) continue
    const { passages, sound } = await drive({
      program: contestant.program({ chain: ground.sink }),
      messages: [ground.message(kind, takesPart)],
      count: 1,
      atOnce: 1,
      environment: { ...ground.environment, QUEUECHAIN: ground.sink },
      log: ground.log,
      queue: ground.queue,
      keep: true,
    })
    const found = queuedHeaders(ground.queue).map(ourFields)
    emptyQueue(ground.queue)
    const { cold, whyCold } = takeLog(ground.log)
    if (cold > 0) faults.push(`${kind} mail: the cold program had to do it: ${whyCold}`)
    const wanted = [contestant.leaves(kind)]
    if (sound && JSON.stringify(found) === JSON.stringify(wanted)) continue
    const [{ code, text } = { code: -1, text: '' }] = passages
    faults.push(
      `${kind} mail: exit code ${code}${text && ` (${text})`}, out came ${describe(found)}, not ${describe(wanted)}`,
    )
  }
  return faults
}

function describe(messages: readonly ReturnType<typeof ourFields>[]): string {
  if (messages.length === 0) return 'nothing'
  return messages
    .map(({ xQhpsi, stamps }) => `X-QHPSI ${xQhpsi ?? 'missing'}, stamps ${stamps}`)
    .join('; ')
}
