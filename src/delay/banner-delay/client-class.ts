import type { IpAddress } from '../../lib/net/ip-address.ts'
import { findRule, type NameRule } from './name-rules.ts'
import type { ReverseNames } from './reverse-dns.ts'

/** The three classes of clients by their reverse DNS. */
export type ClientClass = 'ordinary' | 'dynamic' | 'nameless'

/** The class, and why, for the log and `--explain`. */
export function describeClass({ class: which, name, rule }: Classification): string {
  return [which, name, `(${rule})`].filter((part) => part !== undefined).join(' ')
}

interface Classification {
  readonly class: ClientClass
  /** The name that decided, as in the DNS, or undefined if there is none. */
  readonly name: string | undefined
  /** The rule that fits the name, or why no rule decided. */
  readonly rule: string
}

/** Characters of a domain name (RFC 1035 2.3.4). */
const NAME_MAX = 255

/**
 * Returns the class of a client. The client is nameless only if the DNS reports that there is no name. If the
 * DNS gave no answer, the client counts as ordinary. If there are several names, an ordinary one decides,
 * because their order is random.
 */
export function classify(
  names: ReverseNames,
  address: IpAddress,
  rules: readonly NameRule[],
): Classification {
  switch (names.answer) {
    case 'unknown':
      return { class: 'ordinary', name: undefined, rule: `no answer: ${names.why}` }
    case 'none':
      return { class: 'nameless', name: undefined, rule: 'no name' }
    case 'names': {
      const classifications = names.names.map((name) => classifyName(name, address, rules))
      return (
        classifications.find((classification) => classification.class === 'ordinary') ??
        classifications[0]!
      )
    }
  }
}

function classifyName(
  name: string,
  address: IpAddress,
  rules: readonly NameRule[],
): Classification {
  if (!isHostName(name)) return { class: 'dynamic', name, rule: 'not a host name' }
  const rule = findRule(rules, name, address)
  return { class: rule?.nameClass ?? 'ordinary', name, rule: rule?.text ?? 'no rule fits' }
}

/** Returns whether a mail server could have the name: at least two labels of letters, digits, `-` and `_`. */
function isHostName(name: string): boolean {
  return name.length <= NAME_MAX && /^[\w-]{1,63}(\.[\w-]{1,63})+\.?$/.test(name)
}
