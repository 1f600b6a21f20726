import { setImmediate as turn } from 'node:timers/promises'
import { parseIpAddress } from '../../ground/net/ip-address.ts'
import type { MailAddress } from '../../mail/message/envelope/address.ts'
import { recipientsOf } from '../../mail/message/envelope/envelope.ts'
import type { Rules } from '../rules/match.ts'
import type { Rule } from '../rules/rule.ts'
import type { Transaction } from './transaction.ts'

/** Recipients for whom the same lines of onescan.policy count. */
export interface RecipientGroup {
  /**
   * The line that says how their mail is judged; undefined if there is none. If there are several,
   * the strictest judgement counts.
   */
  readonly lines: readonly (Rule | undefined)[]
  /** Their exceptions, besides those that may apply to any message. */
  readonly exceptions: readonly Rule[]
}

export interface RecipientGroups {
  readonly groups: readonly RecipientGroup[]
  /** For each recipient of the message, in their order, the index of its group. */
  readonly groupOf: readonly number[]
}

/** Recipients that are looked at before other mail gets a turn. */
const SLICE = 4096

/** Groups the recipients of a message. A message without recipients has one group. */
export async function groupRecipients(
  { message, envelope, client }: Transaction,
  rules: Rules,
): Promise<RecipientGroups> {
  const address = client.origin?.clientAddress
  const common = {
    sender: envelope.sender,
    client: address === undefined ? undefined : parseIpAddress(address),
    auth: client.relay,
    size: message.size,
  }
  const indexes = new Map<string, number>()
  const groups: RecipientGroup[] = []
  const groupOf: number[] = []
  const nameless = new Map<string, number>() // many lines may have to be read for each
  const add = (recipient: MailAddress | undefined) => {
    const name = recipient && rules.namelessKey(recipient)
    const index = (name === undefined ? undefined : nameless.get(name)) ?? groupFor(recipient)
    if (name !== undefined) nameless.set(name, index)
    groupOf.push(index)
  }
  const groupFor = (recipient: MailAddress | undefined): number => {
    const facts = { ...common, recipient }
    const group = { lines: rules.find(facts), exceptions: rules.exceptions(facts) }
    const key = groupKey(group)
    const index = indexes.get(key) ?? groups.push(group) - 1
    indexes.set(key, index)
    return index
  }
  let count = 0
  for (const recipient of recipientsOf(envelope)) {
    if (++count % SLICE === 0) await turn()
    add(recipient)
  }
  if (count === 0) add(undefined)
  return { groups, groupOf }
}

/** Returns the same text for groups whose mail is judged in the same way. */
export function groupKey({ lines, exceptions }: RecipientGroup): string {
  const actions = new Set(lines.map((rule) => JSON.stringify(rule?.action)))
  return `${[...actions].join()} ${exceptions.map(({ line }) => line).join()}`
}
