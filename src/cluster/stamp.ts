import type { FieldSpan, Header } from '../message/header-block.ts'

/** A header field of the form of a stamp, believed or not. */
export type Stamp =
  | {
      readonly scheme: 'md5'
      readonly number: string
      readonly field: number
      readonly hex: string
    }
  | {
      readonly scheme: 'hmac-sha256'
      readonly number: string
      /** Its index among the fields of the block. */
      readonly field: number
      readonly claims: Claims
      /** base64url without padding. */
      readonly mac: string
    }

/** What the signer of an hmac-sha256 stamp claims, in the very bytes that its mac covers. */
export interface Claims {
  /** Key id. */
  readonly k: string
  /** Unix seconds, decimal. */
  readonly t: string
  /** Scanners, separated by commas, each as `scannerName` writes it. */
  readonly s: string
}

/** Field names; the number follows. */
export const FIELD = { md5: 'X-MD5-Cluster-', 'hmac-sha256': 'X-SHA256-Cluster-' } as const

/**
 * Words in a stamp's `s=` that say how the scanners looked beside the whole message: at each part
 * of it, or at its contents where mail programs may differ about it. Without either they looked at
 * the whole alone.
 */
export const EVERY_PART = 'everypart'
export const SECOND_LOOK = 'secondlook'

/**
 * The word for a message that an administrator has released from quarantine: nobody need scan it.
 * No scanner can have this name, since scannerName() would escape it.
 */
export const RELEASED = '!released'

const NAME = /^x-(md5|sha256)-cluster-([0-9]+)$/i
const VALUE = /^v=1;k=([A-Za-z0-9._-]{1,32});t=([0-9]{1,15});s=([^;]*);h=([A-Za-z0-9_-]{43})$/

/** Whether a field name is one that stamps use. */
export function isStampName(name: string): boolean {
  return NAME.test(name)
}

/** Whether a header block has a field that stamps use, whatever is in it. */
export function bearsStamp(header: Header): boolean {
  return header.fields.some(({ name }) => isStampName(name))
}

/** Scheme and number by a field's name: `01` and `1` are one number, of any length. */
export function stampName(name: string): { scheme: Stamp['scheme']; number: string } | undefined {
  const match = NAME.exec(name)
  if (!match) return undefined
  const scheme = match[1]!.toLowerCase() === 'md5' ? 'md5' : 'hmac-sha256'
  return { scheme, number: match[2]!.replace(/^0+(?=.)/, '') }
}

/** The stamps of a header block, in order. A stamp field with another value than a stamp's is left out. */
export function stampsIn(header: Header): Stamp[] {
  const stamps: Stamp[] = []
  for (const [index, field] of header.fields.entries()) {
    const name = stampName(field.name)
    if (!name) continue
    // Relays fold; white space inside the value means nothing.
    const value = header.valueOf(field).replace(/[ \t\r\n]+/g, '')
    if (name.scheme === 'md5') {
      if (/^[0-9a-f]{32}$/i.test(value)) {
        stamps.push({ ...name, scheme: 'md5', field: index, hex: value.toLowerCase() })
      }
      continue
    }
    const match = VALUE.exec(value)
    if (match) {
      const claims = { k: match[1]!, t: match[2]!, s: match[3]! }
      stamps.push({ ...name, scheme: 'hmac-sha256', field: index, claims, mac: match[4]! })
    }
  }
  return stamps
}

/** The lowest number from 1 that no field of the scheme's name has. */
export function nextNumber(fields: readonly FieldSpan[], scheme: Stamp['scheme']): number {
  const taken = new Set<string>()
  for (const { name } of fields) {
    const stamp = stampName(name)
    if (stamp?.scheme === scheme) taken.add(stamp.number)
  }
  let number = 1
  while (taken.has(String(number))) number++
  return number
}

/** A scanner's name for `s=`: bytes other than letters, digits, `.`, `_`, `+` and `-` become %XX. */
export function scannerName(name: string): string {
  return name.replace(/[^A-Za-z0-9._+-]/g, (character) =>
    [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join(''),
  )
}
