import { copyOf } from './letters.ts'

/** A burst of newsletters: copies of each come mixed with those of the others, at several hosts at once. */
export interface Burst {
  readonly campaigns: readonly Buffer[]
  readonly messages: number
  /** Under way at a time. */
  readonly atOnce: number
  /** Serial of the first copy. */
  readonly first?: number
}

/** How the messages were judged, by the log's `scan=`. */
export type Judged = Readonly<Record<string, number>>

/** Sends them in an order that is the same each time. `send` resolves with the word behind `scan=`. */
export async function runBurst(
  send: (serial: number, message: Buffer) => Promise<string>,
  { campaigns, messages, atOnce, first = 0 }: Burst,
): Promise<Judged> {
  const judged: Record<string, number> = {}
  let next = 0
  const lanes = Array.from({ length: atOnce }, async () => {
    while (next < messages) {
      const n = next++
      const letter = campaigns[mixed(n) % campaigns.length]!
      const word = await send(first + n, copyOf(letter, first + n))
      judged[word] = (judged[word] ?? 0) + 1
    }
  })
  await Promise.all(lanes)
  return judged
}

/** A number without order, the same for the same one. */
function mixed(n: number): number {
  let state = Math.imul(n ^ (n >>> 15), 2246822519) + 0x9e3779b9
  state = Math.imul(state ^ (state >>> 13), 3266489917)
  return (state ^ (state >>> 16)) >>> 0
}
