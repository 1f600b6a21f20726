import { contains, type IpAddress, type Network } from '../ground/net/ip-address.ts'
import { addressOf, type MailAddress } from '../message/envelope/address.ts'
import { type Comparable, comparable, localWithoutDomain } from './comparable.ts'
import type { AddressPattern, Rule } from './rule.ts'

/** The facts about a message and one of its recipients that lines are compared with. */
export interface MailFacts {
  readonly sender: MailAddress
  /** Undefined for a message without recipients. */
  readonly recipient: MailAddress | undefined
  readonly client: IpAddress | undefined
  /** Whether the client may relay or has authenticated. */
  readonly auth: boolean
  /** Bytes; undefined as long as the size is not known: lines about sizes fit then. */
  readonly size: number | undefined
}

/** The lines of a file, ready to be compared with mail. */
export interface Rules {
  /** The path of the file. */
  readonly path: string
  readonly all: readonly Rule[]
  /** Whether there is a line that refuses mail. */
  readonly refuseSome: boolean
  /**
   * Returns the lines by which the message is judged for the recipient, exceptions aside: the first
   * that fits, or undefined if there is none. If the recipient names no domain, no line is known to
   * be about it. Then the first line that asks for no recipient is followed by those above it that
   * could be about such a mailbox, the first of those that say the same, and the strictest judgement
   * counts.
   */
  find(facts: MailFacts): readonly [Rule | undefined, ...Rule[]]
  /**
   * Returns the same text for recipients without a domain for whom the same lines are found, and
   * undefined for recipients that name one.
   */
  namelessKey(recipient: MailAddress): string | undefined
  /** Returns the line that refuses such mail whatever its size; undefined if there is none. */
  findRefusal(facts: Omit<MailFacts, 'size'>): Rule | undefined
  /**
   * The exceptions without a condition on the message: what is found decides whether they count.
   */
  readonly always: readonly Rule[]
  /**
   * Returns the other exceptions that fit a message, in their order; what is found decides, too.
   */
  exceptions(facts: MailFacts): readonly Rule[]
}

/**
 * Makes rules of lines. Lines are indexed by the address of the recipient or the sender, or by the
 * network of the client: of ten thousand lines only those are compared that name this address,
 * domain or network, and those that name none.
 */
export function createRules(path: string, all: readonly Rule[]): Rules {
  const settings = createIndex(all.filter(({ action }) => action.kind !== 'allow'))
  const exceptions = all.filter(({ action }) => action.kind === 'allow')
  const always = exceptions.filter(fitsAnyMessage)
  const allows = createIndex(exceptions.filter((rule) => !fitsAnyMessage(rule)))
  const anyDomain = withAnyDomain(all)
  const locals = new Set(anyDomain.map(({ conditions: { to } }) => to && localOf(to)))
  const nameless = createIndex(anyDomain)
  const find: Rules['find'] = (facts) => {
    const local = facts.recipient && localWithoutDomain(facts.recipient)
    if (local === undefined) return [settings(facts, true)[0]]
    const [first] = settings({ ...facts, recipient: addressOf(local, undefined) }, true)
    const others = nameless({ ...facts, recipient: addressOf(local, ANY_DOMAIN) }, false)
    return [first, ...others.filter(({ line }) => first === undefined || line < first.line)]
  }
  return {
    path,
    all,
    refuseSome: all.some(({ action }) => action.kind === 'refuse'),
    find,
    namelessKey(recipient) {
      const local = localWithoutDomain(recipient)
      return local === undefined || locals.has(local) ? local : ''
    },
    findRefusal: (facts) => find({ ...facts, size: undefined }).find(isSureRefusal),
    always,
    exceptions: (facts) => allows(facts, false),
  }
}

function isSureRefusal(rule: Rule | undefined): rule is Rule {
  const { larger, smaller } = rule?.conditions ?? {}
  return rule?.action.kind === 'refuse' && larger === undefined && smaller === undefined
}

/** Returns the local part that a pattern names; undefined if it is about all of a domain. */
function localOf({ kind, text }: AddressPattern): string | undefined {
  return kind === 'address' ? text.slice(0, Math.max(0, text.lastIndexOf('@'))) : undefined
}

/** Stands for the domain of a mailbox if nobody knows it. */
const ANY_DOMAIN = ''

/**
 * Returns the lines that could be about a mailbox whose domain is not known, as if they named none.
 * Of those that say the same then, only the first is returned: ten thousand lines about domains are
 * not all read for each recipient.
 */
function withAnyDomain(all: readonly Rule[]): Rule[] {
  const firsts = new Map<string, Rule>()
  for (const { line, conditions, action } of all) {
    const { to, ...others } = conditions
    if (to === undefined || (action.kind !== 'set' && action.kind !== 'refuse')) continue
    const local = localOf(to)
    const own = local !== undefined && { to: { kind: 'address', text: `${local}@${ANY_DOMAIN}` } } as const // biome-ignore format: a line
    const rule = { line, conditions: { ...own, ...others }, action }
    const key = JSON.stringify([rule.conditions, action])
    if (!firsts.has(key)) firsts.set(key, rule)
  }
  return [...firsts.values()]
}

function fitsAnyMessage({ conditions }: Rule): boolean {
  const { signature, sha256, ...others } = conditions
  return Object.keys(others).length === 0
}

type RuleLookup = (facts: MailFacts, onlyFirst: boolean) => readonly Rule[]

/** A line, and its place in the order of the file. */
interface OrderedRule {
  readonly rule: Rule
  readonly order: number
}

function createIndex(rules: readonly Rule[]): RuleLookup {
  if (rules.length === 0) return () => []
  const byTo = new Map<string, OrderedRule[]>()
  const byFrom = new Map<string, OrderedRule[]>()
  const byNetwork = new Map<string, OrderedRule[]>()
  const networks = new Map<string, Network>()
  const others: OrderedRule[] = []
  for (const [order, rule] of rules.entries()) {
    const { to, from, client } = rule.conditions
    if (to !== undefined) push(byTo, addressKey(to), { rule, order })
    else if (from !== undefined) push(byFrom, addressKey(from), { rule, order })
    else if (client !== undefined) {
      networks.set(`${client.address.length}/${client.bits}`, client)
      push(byNetwork, networkKey(client.address, client.bits), { rule, order })
    } else others.push({ rule, order })
  }
  return (facts, onlyFirst) => {
    const to = facts.recipient && comparable(facts.recipient)
    const from = comparable(facts.sender)
    const lists = [others]
    if (to !== undefined && byTo.size > 0) lists.push(...listsFor(byTo, to))
    if (byFrom.size > 0) lists.push(...listsFor(byFrom, from))
    const { client } = facts
    for (const { address, bits } of client === undefined ? [] : networks.values()) {
      if (address.length !== client!.length) continue
      const list = byNetwork.get(networkKey(client!, bits))
      if (list !== undefined) lists.push(list)
    }
    const found: OrderedRule[] = []
    for (const list of lists) {
      for (const placed of list) {
        const [best] = found
        if (onlyFirst && best !== undefined && best.order < placed.order) break
        if (!holds(placed.rule, facts, to, from)) continue
        if (!onlyFirst) found.push(placed)
        else {
          found[0] = placed
          break
        }
      }
    }
    return found.sort((match, other) => match.order - other.order).map(({ rule }) => rule)
  }
}

function push(map: Map<string, OrderedRule[]>, key: string, placed: OrderedRule): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [placed])
  else list.push(placed)
}

/** Returns the key of the network of so many bits that an address is in. */
function networkKey(address: IpAddress, bits: number): string {
  const whole = bits >> 3
  const rest = address[whole]! & (0xff00 >> (bits & 7)) & 0xff
  const last = (bits & 7) === 0 ? '' : String.fromCharCode(rest)
  return `${address.length}/${bits} ${String.fromCharCode(...address.subarray(0, whole))}${last}`
}

function addressKey({ kind, text }: AddressPattern): string {
  return kind === 'address' ? text : `@${kind === 'below' ? '.' : ''}${text}`
}

/** Most labels of a domain that are looked up, counted from its end. */
const LABELS_MAX = 32

function listsFor(
  map: ReadonlyMap<string, OrderedRule[]>,
  { whole, domain }: Comparable,
): OrderedRule[][] {
  const keys = [whole]
  if (domain !== undefined) {
    keys.push(`@${domain}`)
    const labels = domain.split('.').slice(-LABELS_MAX)
    for (let at = 1; at < labels.length; at++) keys.push(`@.${labels.slice(at).join('.')}`)
  }
  return keys.flatMap((key) => {
    const list = map.get(key)
    return list === undefined ? [] : [list]
  })
}

function holds(
  { conditions }: Rule,
  { client, auth, size }: MailFacts,
  recipient: Comparable | undefined,
  sender: Comparable,
): boolean {
  const { to, from, client: network, auth: wanted, larger, smaller } = conditions
  if (to !== undefined && !(recipient && fits(to, recipient))) return false
  if (from !== undefined && !fits(from, sender)) return false
  if (network !== undefined && !(client && contains(network, client))) return false
  if (wanted !== undefined && wanted !== auth) return false
  if (size === undefined) return true
  if (larger !== undefined && !(size > larger)) return false
  return smaller === undefined || size < smaller
}

function fits({ kind, text }: AddressPattern, { whole, domain }: Comparable): boolean {
  if (kind === 'address') return whole === text
  return kind === 'domain' ? domain === text : domain?.endsWith(`.${text}`) === true
}
