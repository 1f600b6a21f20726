import { errorText, Fault } from '../../base/errors/fault.ts'
import type { IpAddress } from '../../base/net/ip-address.ts'

export interface NameRule {
  readonly nameClass: 'dynamic' | 'ordinary'
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

/** Returns the first rule that matches a client's name, in any letter case, or undefined if none does. */
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

/** The host name of a client, in lower case. */
interface HostName {
  readonly name: string
  /** Finds the positions where the name contains the client's address. Only `{ip}` needs them. */
  readonly addressSpans: () => readonly AddressSpan[]
}

type Atom =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'number' } // a whole run of digits
  | { readonly kind: 'edge' } // between two kinds of characters, or at either end of the name
  | { readonly kind: 'address' }

/** The part of a pattern between two stars. */
type Segment = readonly Atom[]

interface Pattern {
  readonly segments: readonly Segment[]
}

/**
 * Parses a pattern for host names: `*` is any text, `#` a whole number, `|` the edge of a word or number, and
 * `{ip}` the client's address in the name. Letters, digits, `.`, `-` and `_` match themselves. There is no
 * other repetition, so the time of a match is linear in the length of the name. Throws a Fault for any other
 * character.
 */
function parsePattern(text: string): Pattern {
  const segments = text.toLowerCase().split('*').map(parseSegment)
  return { segments }

  function parseSegment(part: string): Segment {
    return Array.from(part.matchAll(/\{ip\}|[a-z0-9._-]+|[\s\S]/g), ([token]): Atom => {
      if (token === '{ip}') return { kind: 'address' }
      if (token === '#') return { kind: 'number' }
      if (token === '|') return { kind: 'edge' }
      if (/^[a-z0-9._-]/.test(token)) return { kind: 'text', text: token }
      throw new Fault(
        'config',
        `pattern ${text}: has "${token}"; letters, digits, . - _ * # | and {ip} may be used`,
      )
    })
  }
}

/**
 * Returns whether the pattern matches the whole name. Each segment takes its first match: a later one would
 * only leave less of the name to the segments after it.
 */
function matches({ segments }: Pattern, subject: HostName): boolean {
  const { length } = subject.name
  const last = segments.length - 1
  if (last === 0) return endOf(segments[0]!, subject, 0) === length
  let at = endOf(segments[0]!, subject, 0)
  for (let i = 1; i < last && at >= 0; i++) at = find(segments[i]!, subject, at, undefined)
  return at >= 0 && find(segments[last]!, subject, at, length) >= 0
}

/**
 * Finds the first match of the segment from offset `from` on, which must end at `end` if that is given.
 * Returns the offset of its end, or -1.
 */
function find(segment: Segment, subject: HostName, from: number, end: number | undefined): number {
  if (segment.length === 0) return end ?? from
  const { name } = subject
  const first = segment[0]!.kind === 'edge' ? segment[1] : segment[0]
  for (let at = from; at <= name.length; at++) {
    if (first?.kind === 'text') {
      at = name.indexOf(first.text, at)
      if (at < 0) return -1
    }
    const fitEnd = endOf(segment, subject, at)
    if (fitEnd >= 0 && (end === undefined || fitEnd === end)) return fitEnd
  }
  return -1
}

/** Returns the offset at which the segment ends if it begins at `at`, or -1 if it does not match there. */
function endOf(segment: Segment, subject: HostName, at: number): number {
  const { name } = subject
  for (const atom of segment) {
    switch (atom.kind) {
      case 'text':
        if (!name.startsWith(atom.text, at)) return -1
        at += atom.text.length
        break
      case 'number':
        if (classAt(name, at) !== 'digit' || classAt(name, at - 1) === 'digit') return -1
        while (classAt(name, at) === 'digit') at++
        break
      case 'edge':
        if (classAt(name, at - 1) === classAt(name, at)) return -1
        break
      case 'address': {
        const start = at
        const spans = subject.addressSpans().filter((span) => span.start === start)
        if (spans.length === 0) return -1
        at = Math.max(...spans.map((span) => span.end))
      }
    }
  }
  return at
}

function classAt(name: string, at: number): 'letter' | 'digit' | 'other' {
  const code = name.charCodeAt(at) // NaN outside
  if (code >= 97 && code <= 122) return 'letter'
  return code >= 48 && code <= 57 ? 'digit' : 'other'
}

/** The part of a name in which an address is written out. */
interface AddressSpan {
  readonly start: number
  readonly end: number
}

const SEPARATORS = ['-', '.', '_', 'x']

/**
 * Finds the positions where a name, in lower case, contains the address: in decimal with a usual separator,
 * in hexadecimal, or as one number. It may be padded with zeros, and forwards or backwards. Providers make
 * such names for the lines of their customers.
 */
function findAddress(name: string, address: IpAddress): readonly AddressSpan[] {
  return address.length === 4 ? findIPv4(name, address) : findIPv6(name, address)
}

function findIPv4(name: string, address: IpAddress): AddressSpan[] {
  const octets = Array.from(address)
  const hex = octets.map((octet) => octet.toString(16).padStart(2, '0'))
  const plain = octets.map(String)
  const padded = plain.map((octet) => octet.padStart(3, '0'))
  const spans: AddressSpan[] = []
  for (const separator of SEPARATORS) {
    addNumbers(spans, name, plain.join(separator))
    addNumbers(spans, name, plain.toReversed().join(separator))
    addNumbers(spans, name, padded.join(separator))
    addNumbers(spans, name, padded.toReversed().join(separator))
    add(spans, name, hex.join(separator))
  }
  add(spans, name, padded.join(''))
  add(spans, name, padded.toReversed().join(''))
  add(spans, name, hex.join(''))
  add(spans, name, hex.toReversed().join(''))
  addNumbers(spans, name, String(Number.parseInt(hex.join(''), 16)))
  return spans
}

function findIPv6(name: string, address: IpAddress): AddressSpan[] {
  const digits = Buffer.from(address).toString('hex')
  const groups = digits.match(/.{4}/g)!
  const short = groups.map((group) => group.replace(/^0{1,3}/, ''))
  const nibbles = digits.split('').reverse()
  const spans: AddressSpan[] = []
  add(spans, name, digits)
  add(spans, name, nibbles.join('.'))
  add(spans, name, nibbles.join(''))
  for (const separator of SEPARATORS) {
    add(spans, name, groups.join(separator))
    add(spans, name, short.join(separator))
    add(spans, name, short.join(separator).replace(/(?:\b|(?<=_|x))0([-._x]0)+\b/, ''))
  }
  // Some names have the second half of the address alone, which the machine chose.
  const host = digits.slice(16)
  if (!host.startsWith('00000000')) add(spans, name, host)
  return spans
}

function add(spans: AddressSpan[], name: string, writing: string): void {
  const start = name.indexOf(writing)
  if (start >= 0) spans.push({ start, end: start + writing.length })
}

/** Adds all positions that are not part of a longer number: 1-2-3-4 is not found in 11-2-3-45. */
function addNumbers(spans: AddressSpan[], name: string, writing: string): void {
  let start = name.indexOf(writing)
  while (start >= 0) {
    const end = start + writing.length
    const isWhole = classAt(name, start - 1) !== 'digit' && classAt(name, end) !== 'digit'
    if (isWhole) spans.push({ start, end })
    start = name.indexOf(writing, start + 1)
  }
}
