/** What is compared of messages. */
interface Compared {
  readonly grounds: string
  readonly found: string | null
  /** The field From, or ''. */
  readonly from: string
  /** The sender of the envelope. */
  readonly sender: string
  readonly subject: string | null
}

/** Upper limit for alike messages that are shown one by one. More of them are a group. */
export const FEW_ALIKE = 3

/**
 * Returns messages in groups, the smallest first, so that a good message is not lost among those of a campaign. Alike are messages
 * that were kept for the same reason and share their subject without its numbers or, if few share it, the finding and the domain
 * of the sender. A message that is like few others is a group of its own.
 */
export function alikeGroups<Message extends Compared>(messages: readonly Message[]): Message[][] {
  const bySubject = grouped(messages, subjectOf)
  const byDomain = grouped(bySubject.others, domainOf)
  const groups = [...bySubject.groups, ...byDomain.groups]
  groups.sort((one, other) => one.length - other.length)
  return [...byDomain.others.map((message) => [message]), ...groups]
}

/** The messages of which many share a text, and the others. */
function grouped<Message extends Compared>(
  messages: readonly Message[],
  textOf: (message: Message) => string,
): { readonly groups: readonly Message[][]; readonly others: readonly Message[] } {
  const byText = new Map<string, Message[]>()
  for (const message of messages) {
    const text = textOf(message)
    const group = byText.get(text) ?? []
    byText.set(text, group)
    group.push(message)
  }
  const groups = [...byText.values()].filter((group) => group.length > FEW_ALIKE)
  const inGroups = new Set(groups.flat())
  return { groups, others: messages.filter((message) => !inGroups.has(message)) }
}

const subjectOf = ({ grounds, subject }: Compared) => `${grounds}\n${subject?.replace(/\d+/g, '')}`

const domainOf = ({ grounds, found, from, sender }: Compared) =>
  `${grounds}\n${found}\n${/@([^@>]*)>?$/.exec(from || sender)?.[1]?.toLowerCase()}`
