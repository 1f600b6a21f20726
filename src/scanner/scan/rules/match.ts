import { isUtf8 } from 'node:buffer'
import { domainToASCII } from 'node:url'
import type { IpAddress, Network } from '../../../base/net/ip-address.ts'
import {
  addressOf,
  lowerCase,
  type MailAddress,
  mailboxOf,
  readAddress,
  withPlainDomain,
} from '../../../base/text/address.ts'
import type { AddressPattern, Rule } from './rule.ts'

/** The facts about a message and one of its recipients that lines are compared with. */
interface MailFacts {
  readonly sender: MailAddress
  /** Undefined for a message without recipients. */
  readonly recipient: MailAddress | undefined
  readonly client: IpAddress | undefined
  /** Whether the client may relay or has authenticated. */
  readonly mayRelay: boolean
  /** Bytes, or undefined while the size is not known. Lines about sizes match then. */
  readonly size: number | undefined
}

/**
 * The lines of a file, indexed for comparison with mail. The index is by the address of the recipient or the
 * sender, or by the network of the client. Of ten thousand lines, a message is compared only with those for
 * its address, domain or network, and with those that name none.
 */
export class Rules {
  /** The path of the file. */
  readonly path: string
  readonly all: readonly Rule[]
  /** Whether there is a line that refuses mail. */
  readonly refusesSome: boolean
  /**
   * The exceptions without a condition on the message: what is found decides whether they count.
   */
  readonly always: readonly Rule[]
  readonly #settings: RuleIndex
  readonly #allows: RuleIndex
  /** The lines that could match a mailbox whose domain is unknown. */
  readonly #nameless: RuleIndex
  /** The local parts that these lines name. */
  readonly #locals: ReadonlySet<string | undefined>

  constructor(path: string, all: readonly Rule[]) {
    this.path = path
    this.all = all
    this.refusesSome = all.some(({ action }) => action.kind === 'refuse')
    this.#settings = new RuleIndex(all.filter(({ action }) => action.kind !== 'allow'))
    const exceptions = all.filter(({ action }) => action.kind === 'allow')
    this.always = exceptions.filter(fitsAnyMessage)
    this.#allows = new RuleIndex(exceptions.filter((rule) => !fitsAnyMessage(rule)))
    const anyDomain = withAnyDomain(all)
    this.#locals = new Set(anyDomain.map(({ conditions: { to } }) => to && localOf(to)))
    this.#nameless = new RuleIndex(anyDomain)
  }

  /**
   * Returns the lines that apply to the message for the recipient, without exceptions: the first match, or
   * undefined if there is none.
   *
   * If the recipient has no domain, no line certainly matches it. The result then begins with the first line
   * that has no condition on the recipient. The earlier lines that could match such a mailbox follow (of
   * lines with equal settings, the first). The strictest decision applies.
   */
  find(facts: MailFacts): readonly [Rule | undefined, ...Rule[]] {
    const local = facts.recipient && localWithoutDomain(facts.recipient)
    if (local === undefined) return [this.#settings.first(facts)]
    const first = this.#settings.first({ ...facts, recipient: addressOf(local, undefined) })
    const others = this.#nameless.all({ ...facts, recipient: addressOf(local, ANY_DOMAIN) })
    return [first, ...others.filter(({ line }) => first === undefined || line < first.line)]
  }

  /**
   * Returns a text that is equal for recipients without a domain for whom the same lines are found, and
   * undefined for recipients that name one.
   */
  namelessKey(recipient: MailAddress): string | undefined {
    const local = localWithoutDomain(recipient)
    return local === undefined || this.#locals.has(local) ? local : ''
  }

  /** Returns the line that refuses such mail of any size, or undefined if there is none. */
  findRefusal(facts: Omit<MailFacts, 'size'>): Rule | undefined {
    return this.find({ ...facts, size: undefined }).find(isSureRefusal)
  }

  /** Returns the exceptions that match a message, in order. The finding is compared later. */
  exceptions(facts: MailFacts): readonly Rule[] {
    return this.#allows.all(facts)
  }
}

function isSureRefusal(rule: Rule | undefined): rule is Rule {
  const { larger, smaller } = rule?.conditions ?? {}
  return rule?.action.kind === 'refuse' && larger === undefined && smaller === undefined
}

/** Returns the local part that a pattern names, or undefined if the pattern matches a whole domain. */
function localOf({ kind, text }: AddressPattern): string | undefined {
  return kind === 'address' ? readAddress(text).local : undefined
}

/** Represents the domain of a mailbox whose domain is unknown. */
const ANY_DOMAIN = ''

/**
 * Returns the rules that could apply to a mailbox whose domain is unknown, without the domains in their
 * patterns. If several rules become equal, only the first is returned, so that ten thousand rules about
 * domains are not all read for each recipient.
 */
function withAnyDomain(all: readonly Rule[]): Rule[] {
  const firsts = new Map<string, Rule>()
  for (const { line, conditions, action } of all) {
    const { to, ...others } = conditions
    if (to === undefined || (action.kind !== 'set' && action.kind !== 'refuse')) continue
    const local = localOf(to)
    const anyDomain = { kind: 'address', text: `${local}@${ANY_DOMAIN}` } as const
    const own = local !== undefined && { to: anyDomain }
    const rule = { line, conditions: { ...own, ...others }, action }
    const key = JSON.stringify([rule.conditions, action])
    if (!firsts.has(key)) firsts.set(key, rule)
  }
  return [...firsts.values()]
}

function fitsAnyMessage({ conditions }: Rule): boolean {
  const { signature, ...others } = conditions
  return Object.keys(others).length === 0
}

/** A line, and its position in the file. */
interface OrderedRule {
  readonly rule: Rule
  readonly order: number
}

/** Lines by the first of their conditions that is an address or a network. */
class RuleIndex {
  readonly #byTo = new Map<string, OrderedRule[]>()
  readonly #byFrom = new Map<string, OrderedRule[]>()
  readonly #byNetwork = new Map<string, OrderedRule[]>()
  /** A network of each length of prefix. */
  readonly #networks = new Map<string, Network>()
  readonly #others: OrderedRule[] = []
  readonly #isEmpty: boolean

  constructor(rules: readonly Rule[]) {
    this.#isEmpty = rules.length === 0
    for (const [order, rule] of rules.entries()) {
      const { to, from, client } = rule.conditions
      if (to !== undefined) push(this.#byTo, addressKey(to), { rule, order })
      else if (from !== undefined) push(this.#byFrom, addressKey(from), { rule, order })
      else if (client !== undefined) {
        this.#networks.set(`${client.address.length}/${client.bits}`, client)
        push(this.#byNetwork, networkKey(client.address, client.bits), { rule, order })
      } else this.#others.push({ rule, order })
    }
  }

  /** Returns the first line of the file that fits. */
  first(facts: MailFacts): Rule | undefined {
    const mail = compared(facts)
    let best: OrderedRule | undefined
    for (const list of this.#listsAbout(mail)) {
      for (const placed of list) {
        if (best !== undefined && best.order < placed.order) break
        if (!holds(placed.rule, mail)) continue
        best = placed
        break
      }
    }
    return best?.rule
  }

  /** Returns all lines that fit, in the order of the file. */
  all(facts: MailFacts): readonly Rule[] {
    if (this.#isEmpty) return []
    const mail = compared(facts)
    const found = this.#listsAbout(mail).flatMap((list) =>
      list.filter(({ rule }) => holds(rule, mail)),
    )
    return found.sort((match, other) => match.order - other.order).map(({ rule }) => rule)
  }

  #listsAbout({ to, from, client }: ComparedFacts): OrderedRule[][] {
    const lists = [this.#others]
    if (to !== undefined) lists.push(...listsIn(this.#byTo, to))
    lists.push(...listsIn(this.#byFrom, from))
    for (const { address, bits } of this.#networks.values()) {
      if (address.length !== client?.length) continue
      const list = this.#byNetwork.get(networkKey(client, bits))
      if (list !== undefined) lists.push(list)
    }
    return lists
  }
}

/** Facts with the addresses in the form of patterns. */
interface ComparedFacts extends Omit<MailFacts, 'recipient' | 'sender'> {
  readonly to: Comparable | undefined
  readonly from: Comparable
}

function compared({ recipient, sender, ...others }: MailFacts): ComparedFacts {
  return { ...others, to: recipient && comparable(recipient), from: comparable(sender) }
}

function push(map: Map<string, OrderedRule[]>, key: string, placed: OrderedRule): void {
  const list = map.get(key)
  if (list === undefined) map.set(key, [placed])
  else list.push(placed)
}

/** Returns the key of the networks of `bits` bits that begin with the whole bytes of an address. */
function networkKey(address: IpAddress, bits: number): string {
  return `${address.length}/${bits} ${String.fromCharCode(...address.subarray(0, bits >> 3))}`
}

function addressKey({ kind, text }: AddressPattern): string {
  return kind === 'address' ? text : `@${kind === 'below' ? '.' : ''}${text}`
}

/** The lists of the lines whose patterns fit an address. */
function listsIn(map: ReadonlyMap<string, OrderedRule[]>, address: Comparable): OrderedRule[][] {
  if (map.size === 0) return []
  return patternKeysOf(address).flatMap((key) => {
    const list = map.get(key)
    return list === undefined ? [] : [list]
  })
}

/** Upper limit for the labels of a domain that are looked up, counted from its end. */
const LABELS_MAX = 32

/** Lists the patterns that fit an address: itself, and with an `@` its domain and all above that. */
function patternKeysOf({ whole, domain }: Comparable): string[] {
  if (domain === undefined) return [whole]
  const labels = domain.split('.').slice(-LABELS_MAX)
  const above = labels.slice(1).map((_, at) => `@.${labels.slice(at + 1).join('.')}`)
  return [whole, `@${domain}`, ...above]
}

function holds({ conditions }: Rule, mail: ComparedFacts): boolean {
  const { to, from, client, mayRelay, larger, smaller } = conditions
  if (to !== undefined && !(mail.to && fits(to, mail.to))) return false
  if (from !== undefined && !fits(from, mail.from)) return false
  if (client !== undefined && !(mail.client && client.has(mail.client))) return false
  if (mayRelay !== undefined && mayRelay !== mail.mayRelay) return false
  if (mail.size === undefined) return true
  if (larger !== undefined && !(mail.size > larger)) return false
  return smaller === undefined || mail.size < smaller
}

function fits({ kind, text }: AddressPattern, { whole, domain }: Comparable): boolean {
  if (kind === 'address') return whole === text
  return kind === 'domain' ? domain === text : domain?.endsWith(`.${text}`) === true
}

/** The mailbox of an address in the form that patterns have, however the address is written. */
interface Comparable {
  readonly whole: string
  readonly domain: string | undefined
}

/**
 * Converts an address to the form of patterns, because clients choose how they write it. The result is in
 * lower case, also in UTF-8 (RFC 6531), and without quotes and source route. The domain is in its xn-- form
 * (RFC 5891).
 */
export function comparable(address: MailAddress): Comparable {
  const { local, domain: plain } = withPlainDomain(mailboxOf(address))
  const domain = plain && asciiDomain(plain)
  return { whole: lowerMailbox(local) + (domain === undefined ? '' : `@${domain}`), domain }
}

/** Matches the text after the `@` if it is not a domain name: nothing, or the address of a host. */
const NO_NAME = /^(?:\[.*|[\d.]*)$/s

/**
 * Returns the local part of a recipient without a domain, such as `postmaster` (RFC 5321 4.5.1) or
 * `postmaster@[192.0.2.7]`, and undefined for any other recipient. The mail server delivers to a mailbox in
 * one of its own domains, and it alone knows which.
 */
function localWithoutDomain(recipient: MailAddress): string | undefined {
  const { local, domain = '' } = mailboxOf(recipient)
  return NO_NAME.test(domain) ? lowerMailbox(local) : undefined
}

/** Lowers all letters of a local part (latin1) that is UTF-8, and else those of ASCII alone. */
function lowerMailbox(local: string): string {
  const bytes = Buffer.from(local, 'latin1')
  if (!/[\x80-\xff]/.test(local) || !isUtf8(bytes)) return lowerCase(local)
  return Buffer.from(bytes.toString('utf8').toLowerCase()).toString('latin1')
}

/**
 * Returns the form of a domain (latin1) that DNS has, or the domain itself if it is not a name of DNS.
 */
export function asciiDomain(domain: string): string {
  if (!/[\x80-\xff]/.test(domain)) return domain
  return domainToASCII(Buffer.from(domain, 'latin1').toString('utf8')) || domain
}
