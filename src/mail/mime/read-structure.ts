import type { ByteRange } from '../message/bytes.ts'
import type { Header } from '../message/header-block.ts'
import type { Steps, Work } from './budget/work.ts'
import { type Carved, carve } from './carver/carve.ts'
import type { PartHeader } from './headers/part-header.ts'
import { isOdd, readOrdinary } from './ordinary/read-ordinary.ts'
import type { Oddity } from './reports/oddities.ts'
import { depthOfMail, type Leaf } from './structure/leaf.ts'

/** Where the contents of a mail are. All positions are offsets in it. */
export interface MailStructure {
  readonly leaves: readonly Leaf[]
  /** The ranges in whose texts data may be encoded. */
  readonly texts: readonly ByteRange[]
  readonly headers: readonly PartHeader[]
  /** The greatest depth (structure/leaf.ts). That of an odd mail is an estimate, which may be too high. */
  readonly deepest: number
  /** What is odd about it, for the log and STRICTMIME. */
  readonly oddities: readonly Oddity[]
}

/**
 * Finds the contents of a mail inside of `messages` others. Ordinary mail is parsed once, by a grammar (ordinary/). Other
 * mail is carved (carver/): no program's reading of it is followed. So is an odd message that is attached to ordinary mail. Throws LimitExceeded if an odd mail has too many lines like delimiters.
 */
export function* readStructure(
  mail: Buffer,
  messages: number,
  work: Work,
  known?: Header,
): Steps<MailStructure> {
  const outerDepth = depthOfMail(messages)
  const read = yield* readOrdinary(mail, outerDepth, work, known)
  if (isOdd(read)) {
    const carved = yield* carve(mail, outerDepth, work)
    work.addMessages(carved.messages)
    const oddities = read.oddity ? [read.oddity, ...carved.oddities] : carved.oddities
    return { ...carved, oddities }
  }
  const oddities = read.headers.flatMap((header) => header.oddities)
  // The parts of an attached message are leaves, too. Without odd fields, all programs find the same in them.
  const texts = read.leaves.filter(({ header }) => !header.isMessage || oddities.length > 0)
  const carved: Carved[] = []
  for (const { from, to, depth } of read.odd)
    carved.push(yield* carve(mail.subarray(0, to), depth, work, from))
  const inOdd = carved.reduce((all, odd) => all + odd.messages, 0)
  work.addMessages(read.messages + inOdd - (messages === 0 ? 1 : 0))
  return {
    leaves: [...read.leaves, ...carved.flatMap(({ leaves }) => leaves)],
    texts: [...texts, ...carved.flatMap((odd) => odd.texts)],
    headers: [...read.headers, ...carved.flatMap((odd) => odd.headers)],
    deepest: Math.max(read.deepest, ...carved.map(({ deepest }) => deepest)),
    oddities: [
      ...oddities,
      ...read.odd.flatMap(({ oddity }) => oddity ?? []),
      ...carved.flatMap((odd) => odd.oddities),
    ],
  }
}
