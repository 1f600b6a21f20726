import { SEARCH_MAX } from '../../../base/text/search-words.ts'
import type { ShownMessage } from '../../desk/shown-message.ts'
import { alikeGroups, FEW_ALIKE } from '../../scan/quarantine/alike.ts'

/** A message, or several that are equal, the newest first: an entry of a digest. */
export interface EqualMessages {
  readonly messages: readonly [newest: ShownMessage, ...others: ShownMessage[]]
  /** Messages with the same finding that are entries of their own, because they are unlike these. */
  readonly unlike: readonly ShownMessage[]
}

/** Upper limit for messages of a group that are entries of their own, because they are unlike the others in it. */
const UNLIKE_MAX = 10

/** Returns an entry with one message. */
export const singleEntry = (message: ShownMessage): EqualMessages => ({ messages: [message], unlike: [] }) // biome-ignore format: a line

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
  const byShared = new Map<string, ShownMessage[]>()
  for (const message of messages) {
    const key = [message.grounds, ...sharedBy(message)].join('\n')
    const equal = byShared.get(key)
    if (equal === undefined) byShared.set(key, [message])
    else equal.push(message)
  }
  const groups = [...byShared.values()].flatMap(groupOf)
  const inGroups = new Set(groups.flatMap((group) => group.messages))
  const single = messages.filter((message) => !inGroups.has(message))
  return [...single.map(singleEntry), ...groups]
}

/**
 * Returns the entry of messages with the same finding, if they are many. A good message that a false signature hits does not
 * hide among those of a campaign: what is like few others is left out, unless much is.
 */
function groupOf(equal: readonly ShownMessage[]): readonly EqualMessages[] {
  const unlike = alikeGroups(equal).flatMap((group) => (group.length > FEW_ALIKE ? [] : group))
  const isMixed = unlike.length <= UNLIKE_MAX
  const [newest, ...others] = isMixed ? equal.filter((message) => !unlike.includes(message)) : equal
  if (newest === undefined || others.length < FEW_ALIKE) return []
  return [{ messages: [newest, ...others], unlike: isMixed ? unlike : [] }]
}

/** Returns the query with which the page of the quarantine lists these messages, and not those that are unlike them. */
export function searchForEqual({ messages: [newest], unlike }: EqualMessages): URLSearchParams {
  const pieces = sharedBy(newest).flatMap((text) => text.split('"'))
  const words = pieces.map((piece) => piece.trim()).filter(Boolean).map((piece) => `"${piece}"`) // biome-ignore format: a line
  const without = unlike.map(({ id }) => `-${id}`).join(' ')
  const search = words.join(' ').slice(0, SEARCH_MAX - without.length - 1)
  return new URLSearchParams({ kind: newest.grounds, search: `${search} ${without}`.trim() })
}
