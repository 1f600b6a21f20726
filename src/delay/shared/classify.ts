import type { IpAddress } from '../../ground/net/ip-address.ts'
import { findRule, type NameRule } from './name-rules.ts'
import type { ReverseNames } from './reverse-dns.ts'

/** The three classes of clients by their reverse DNS. */
export type ClientClass = 'ordinary' | 'dynamic' | 'nameless'

export interface Classification {
  readonly class: ClientClass
  /** The name that decided, as it came; undefined if there is none. */
  readonly name: string | undefined
  /** The rule that fits it, or why none decided. */
  readonly rule: string
}

/** RFC 1035 2.3.4. */
const NAME_MAX = 255

/**
 * The class of a client. Only "there is no name" makes it nameless: a name that could
 * not be asked for says nothing and counts as ordinary. Of several names an ordinary
 * one decides, since their order is chance.
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
      const findings = names.names.map((name) => classifyName(name, address, rules))
      return findings.find((finding) => finding.class === 'ordinary') ?? findings[0]!
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

/** Labels of letters, digits, `-` and `_`, two at least: what a mail server could be called. */
function isHostName(name: string): boolean {
  return name.length <= NAME_MAX && /^[\w-]{1,63}(\.[\w-]{1,63})+\.?$/.test(name)
}
