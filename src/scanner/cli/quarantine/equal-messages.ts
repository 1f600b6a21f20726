import type { ShownMessage } from './desk/shown-message.ts'

/** A message, or several that are equal, the newest first: an entry of a digest. */
export type EqualMessages = readonly [newest: ShownMessage, ...others: ShownMessage[]]

/** Upper limit for equal messages that are entries of their own. More of them are one entry. */
const SINGLE_MAX = 3
/** Upper limit for messages of a group that are entries of their own, because they are unlike the others in it. */
const UNLIKE_MAX = 10
/** Upper limit, in characters, for a search on the page. */
const SEARCH_MAX = 200

/**
 * Returns what equal messages share beside their grounds: what was found. Only the names of viruses and of forbidden files are
 * the same in all mail of a campaign. What is merely encrypted or unreadable is sent by many, and equal if one sent it.
 */
const sharedBy = ({ grounds, found, from, sender }: ShownMessage): string[] => [
  ...(found === null ? [] : [found]),
  ...(['virus', 'banned'].includes(grounds) ? [] : [from || sender]),
]

/** Returns messages, the newest first, as entries: first the single ones, so that 300 of a campaign hide none of them. */
export function entriesOf(messages: readonly ShownMessage[]): EqualMessages[] {
  const byShared = new Map<string, [ShownMessage, ...ShownMessage[]]>()
  for (const message of messages) {
    const key = [message.grounds, ...sharedBy(message)].join('\n')
    const equal = byShared.get(key)
    if (equal === undefined) byShared.set(key, [message])
    else equal.push(message)
  }
  const groups = [...byShared.values()].map(alikeOf).filter(isLarge)
  const inGroups = new Set(groups.flat())
  const single = messages.filter((message) => !inGroups.has(message))
  return [...single.map((message): EqualMessages => [message]), ...groups]
}

const isLarge = <Message>(
  messages: readonly Message[],
): messages is readonly [Message, ...Message[]] => messages.length > SINGLE_MAX

/**
 * Returns those of a group that share the domain of their sender, or their subject without its numbers, with several others: a
 * good message that a false signature hits does not hide among those of a campaign. All of them, if many are unlike.
 */
function alikeOf(group: readonly ShownMessage[]): readonly ShownMessage[] {
  const counts = new Map<string, number>()
  for (const trait of group.flatMap(traitsOf)) counts.set(trait, (counts.get(trait) ?? 0) + 1)
  const alike = group.filter((message) =>
    traitsOf(message).some((trait) => counts.get(trait)! > SINGLE_MAX),
  )
  return group.length - alike.length > UNLIKE_MAX ? group : alike
}

const traitsOf = ({ from, sender, subject }: ShownMessage): readonly string[] => [
  `domain ${/@([^@>]*)>?$/.exec(from || sender)?.[1]?.toLowerCase()}`,
  `subject ${subject?.replace(/\d+/g, '')}`,
]

/** Returns the query with which the page of the quarantine lists the messages that equal this one. */
export function searchForEqual(message: ShownMessage): URLSearchParams {
  const pieces = sharedBy(message).flatMap((text) => text.split('"'))
  const words = pieces.map((piece) => piece.trim()).filter(Boolean).map((piece) => `"${piece}"`) // biome-ignore format: a line
  return new URLSearchParams({
    kind: message.grounds,
    search: words.join(' ').slice(0, SEARCH_MAX),
  })
}
