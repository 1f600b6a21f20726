import { SIZES } from './cells.ts'
import { type DaemonMemory, pssOfTree } from './daemon-memory.ts'
import { drive } from './drive.ts'
import type { Field } from './field.ts'
import type { Lane } from './measure.ts'

/** Parts of the load, with a look at the memory after each. */
const PARTS = 10

/** Mail of mixed size and kind through a warm contestant, eight at a time. */
export async function loadDaemon(
  { contestant, environment }: Lane,
  pid: number,
  messages: number,
  field: Field,
): Promise<DaemonMemory> {
  const samples = [pssOfTree(pid)]
  for (let part = 0; part < PARTS; part++) {
    const { tally, sound } = await drive({
      program: contestant.program(field),
      messages: mixture(field),
      count: messages / PARTS,
      atOnce: 8,
      environment: { ...environment, QUEUECHAIN: field.chain },
      log: '/dev/null',
      ...(field.queue === undefined ? { toNobody: true } : { queue: field.queue }),
    })
    if (!sound) throw new Error(`${contestant.label}, under load: ${JSON.stringify(tally)}`)
    samples.push(pssOfTree(pid))
  }
  return { messages, samples }
}

/** Fifty files: one of 5 MB, ten of 100 KB, the others small. */
function mixture({ message }: Field): string[] {
  const [small, middle, large] = SIZES
  return [
    message('clean', large!),
    ...Array.from({ length: 10 }, () => message('clean', middle!)),
    ...Array.from({ length: 25 }, () => message('clean', small!)),
    ...Array.from({ length: 7 }, () => message('infected', small!)),
    ...Array.from({ length: 7 }, () => message('trusted-hmac', small!)),
  ]
}
