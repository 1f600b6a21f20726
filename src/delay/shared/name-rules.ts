import { errorText, Fault } from '../../ground/errors/fault.ts'
import type { IpAddress } from '../../ground/net/ip-address.ts'
import { matches, type Pattern, parsePattern } from './pattern.ts'
import { type AddressSpan, findAddress } from './written-address.ts'

/** The class of names that a rule fits. */
export type NameClass = 'dynamic' | 'ordinary'

export interface NameRule {
  readonly nameClass: NameClass
  /** The patterns that must all fit. */
  readonly patterns: readonly Pattern[]
  /** The rule as it was written, for people. */
  readonly text: string
}

/**
 * Reads a list of rules, one in each line: `dynamic PATTERN...` or `ordinary PATTERN...`. Lines
 * that begin with `#` are comments. Lines that begin with blanks are examples, which only tests
 * read. Throws a Fault that names `source` and the line.
 */
export function parseNameRules(text: string, source: string): NameRule[] {
  const rules: NameRule[] = []
  let number = 0
  for (const line of text.split('\n')) {
    number++
    if (line === '' || line[0] === '#' || line[0] === ' ' || line[0] === '\t') continue
    const [nameClass, ...patterns] = line.trim().split(/\s+/)
    try {
      if (nameClass !== 'dynamic' && nameClass !== 'ordinary') {
        throw new Error(`begins with "${nameClass}"; a rule begins with dynamic or ordinary`)
      }
      if (patterns.length === 0) throw new Error('has no pattern')
      rules.push({ nameClass, patterns: patterns.map(parsePattern), text: line.trim() })
    } catch (error) {
      throw new Fault('config', `${source} line ${number}: ${errorText(error)}`, error)
    }
  }
  return rules
}

/** The first rule that fits a client's name, whatever its letter case; undefined if none does. */
export function findRule(
  rules: readonly NameRule[],
  name: string,
  address: IpAddress,
): NameRule | undefined {
  const lower = name.toLowerCase()
  let spans: readonly AddressSpan[] | undefined
  const addressSpans = () => {
    spans ??= findAddress(lower, address)
    return spans
  }
  const subject = { name: lower, addressSpans }
  return rules.find(({ patterns }) => patterns.every((pattern) => matches(pattern, subject)))
}
