import type { IpAddress } from '../../ground/net/ip-address.ts'

/** The part of a name in which an address is written out. */
export interface AddressSpan {
  readonly start: number
  readonly end: number
}

const SEPARATORS = ['-', '.', '_', 'x']

/**
 * Finds the places where a name, in lower case, writes out the address: in decimal with a usual
 * separator, padded with zeros or not, forwards or backwards, in hexadecimal, or as one number.
 * Providers make such names for the lines of their customers.
 */
export function findAddress(name: string, address: IpAddress): readonly AddressSpan[] {
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

/** Adds all places that are not part of a longer number: 1-2-3-4 is not found in 11-2-3-45. */
function addNumbers(spans: AddressSpan[], name: string, writing: string): void {
  let start = name.indexOf(writing)
  while (start >= 0) {
    const end = start + writing.length
    if (!isDigit(name, start - 1) && !isDigit(name, end)) spans.push({ start, end })
    start = name.indexOf(writing, start + 1)
  }
}

function isDigit(name: string, at: number): boolean {
  const code = name.charCodeAt(at)
  return code >= 48 && code <= 57
}
