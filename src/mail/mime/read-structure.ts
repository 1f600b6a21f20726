import type { MailBytes } from '../message/bytes.ts'
import type { Header } from '../message/header-block.ts'
import type { Steps, Work } from './budget/work.ts'
import { carve } from './carver/carve.ts'
import type { OrdinaryParts } from './ordinary/ordinary-parts.ts'
import { readOrdinary } from './ordinary/read-ordinary.ts'
import { depthOfMail } from './structure/leaf.ts'
import type { MailStructure } from './structure/mail-structure.ts'

/**
 * Finds the contents of a mail inside of `messages` others, whose header may be `given`. Ordinary mail is parsed once, by a grammar (ordinary/). An odd
 * message, which may be the whole mail, is carved (carver/): no program's reading of it is followed. Throws LimitExceeded if
 * an odd message has too many lines like delimiters.
 */
export function* readStructure(
  mail: MailBytes,
  messages: number,
  work: Work,
  given?: Header,
): Steps<MailStructure> {
  const parts = yield* readOrdinary(mail, depthOfMail(messages), work, given)
  const structures = [structureOf(parts)]
  for (const { from, to, depth, oddity = [] } of parts.odd) {
    const carved = yield* carve(mail.subarray(0, to), depth, work, from)
    structures.push({ ...carved, oddities: carved.oddities.concat(oddity) })
  }
  const structure: MailStructure = {
    leaves: structures.flatMap(({ leaves }) => leaves),
    texts: structures.flatMap(({ texts }) => texts),
    headers: structures.flatMap(({ headers }) => headers),
    attached: structures.reduce((sum, found) => sum + found.attached, 0),
    oddities: structures.flatMap(({ oddities }) => oddities),
  }
  work.addMessages(structure.attached + (messages === 0 ? 0 : 1))
  return structure
}

function structureOf({ leaves, headers, attached }: OrdinaryParts): MailStructure {
  const oddities = headers.flatMap((header) => header.oddities)
  // The parts of an attached message are leaves, too. Without odd fields, all programs find the same in them.
  const texts = leaves.filter(({ header }) => !header.isMessage || oddities.length > 0)
  return { leaves, texts, headers, attached, oddities }
}
