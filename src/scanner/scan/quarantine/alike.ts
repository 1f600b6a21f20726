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
 * of the sender. A message that is like few others is a group of its own, and so is one with the subject of a campaign that comes
 * from elsewhere.
 */
export function alikeGroups<Message extends Compared>(messages: readonly Message[]): Message[][] {
  const bySubject = grouped(messages, subjectOf).groups.map(withoutStrangers)
  const inGroups = new Set(bySubject.flat())
  const byDomain = grouped(
    messages.filter((message) => !inGroups.has(message)),
    findingAndDomain,
  )
  const groups = [...bySubject, ...byDomain.groups]
  groups.sort((one, other) => one.length - other.length)
  return [...byDomain.others.map((message) => [message]), ...groups]
}

/** Messages that share a subject, without the few whose domain few share, if many share that of each other one. */
function withoutStrangers<Message extends Compared>(group: Message[]): Message[] {
  const { groups, others } = grouped(group, domainOf)
  const areStrangers = groups.length > 0 && others.length <= FEW_ALIKE
  return areStrangers ? group.filter((message) => !others.includes(message)) : group
}

/** The messages of which many share a text, and the others. */
function grouped<Message extends Compared>(
  messages: readonly Message[],
  textOf: (message: Message) => string,
): { readonly groups: Message[][]; readonly others: readonly Message[] } {
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

const domainOf = ({ from, sender }: Compared) =>
  `${/@([^@>]*)>?$/.exec(from || sender)?.[1]?.toLowerCase()}`

const findingAndDomain = (message: Compared) =>
  `${message.grounds}\n${message.found}\n${domainOf(message)}`
