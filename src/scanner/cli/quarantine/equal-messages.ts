import type { ShownMessage } from './desk/shown-message.ts'

/** A message, or several that are equal, the newest first: an entry of a digest. */
export type EqualMessages = readonly [newest: ShownMessage, ...others: ShownMessage[]]

/** Upper limit for equal messages that are entries of their own. More of them are one entry. */
const SINGLE_MAX = 3
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
  const groups = [...byShared.values()]
  const isLarge = ({ length }: EqualMessages) => length > SINGLE_MAX
  const inGroups = new Set(groups.filter(isLarge).flat())
  const single = messages.filter((message) => !inGroups.has(message))
  return [...single.map((message): EqualMessages => [message]), ...groups.filter(isLarge)]
}

/** Returns the query with which the page of the quarantine lists the messages that equal this one. */
export function searchForEqual(message: ShownMessage): URLSearchParams {
  const pieces = sharedBy(message).flatMap((text) => text.split('"'))
  const words = pieces.map((piece) => piece.trim()).filter(Boolean).map((piece) => `"${piece}"`) // biome-ignore format: a line
  return new URLSearchParams({
    kind: message.grounds,
    search: words.join(' ').slice(0, SEARCH_MAX),
  })
}
