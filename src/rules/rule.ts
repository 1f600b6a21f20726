import type { Network } from '../ground/net/ip-address.ts'

/** An address pattern of access(5): a whole address, `domain`, `.domain` for what is below it, or `<>`. */
export type AddressPattern =
  | { readonly kind: 'address'; readonly text: string }
  | { readonly kind: 'domain'; readonly text: string }
  | { readonly kind: 'below'; readonly text: string }

/** The conditions of a line on a message and one of its recipients; undefined is no condition. */
export interface Conditions {
  readonly to?: AddressPattern
  readonly from?: AddressPattern
  readonly client?: Network
  readonly auth?: boolean
  /** Bytes. */
  readonly larger?: number
  readonly smaller?: number
  /** Names of what is found, with `*`; for exceptions alone. */
  readonly signature?: string
  /** SHA-256 of a file in it, in hex of small letters; for exceptions alone. */
  readonly sha256?: string
}

/** What a line says. */
export type Action =
  | { readonly kind: 'set'; readonly settings: Readonly<Record<string, string>> }
  | { readonly kind: 'off' }
  /** Mail is refused, whatever is in it: with that text, if there is one. */
  | { readonly kind: 'refuse'; readonly text?: string }
  /** An exception: what was found lets the message pass. */
  | { readonly kind: 'allow' }

/** A line of onescan.policy. */
export interface Rule {
  /** Its number in the file, from 1. */
  readonly line: number
  readonly conditions: Conditions
  readonly action: Action
  /** Of an exception the words, in one line: what it is known by, wherever it stands. */
  readonly words?: string
}
