import { lstatSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../../../base/errors/fault.ts'
import type { Network } from '../../../base/net/ip-address.ts'

/**
 * An address pattern of access(5): an address, `domain`, `.domain` for all domains below it, or
 * `<>`.
 */
export type AddressPattern =
  | { readonly kind: 'address'; readonly text: string }
  | { readonly kind: 'domain'; readonly text: string }
  | { readonly kind: 'below'; readonly text: string }

/** The conditions of a line. */
export interface Conditions {
  readonly to?: AddressPattern
  readonly from?: AddressPattern
  readonly client?: Network
  readonly mayRelay?: boolean
  /** Bytes that the message must exceed. */
  readonly larger?: number
  /** Bytes that the message must not reach. */
  readonly smaller?: number
  /** A pattern for the name of a finding, with `*`. Only exceptions have it. */
  readonly signature?: string
}

/** The action of a line. */
export type RuleAction =
  | { readonly kind: 'set'; readonly settings: Readonly<Record<string, string>> }
  | { readonly kind: 'off' }
  /** Mail is refused, regardless of its content, with that text if there is one. */
  | { readonly kind: 'refuse'; readonly text?: string }
  /** An exception: the message passes although something was found. */
  | { readonly kind: 'allow' }

/** A line of onescan.policy. */
export interface Rule {
  /** The number of the line in the file, from 1. */
  readonly line: number
  readonly conditions: Conditions
  readonly action: RuleAction
}

/** Lists the paths of files of rules, in the order in which they are tried. */
export function ruleFiles(control: string, hostDirectory: string): readonly string[] {
  return [join(control, 'onescan.policy'), join(hostDirectory, 'policy')]
}

/**
 * Returns whether a path exists, even as a link to a missing file. If that cannot be determined, returns
 * true: opening the file then reports the reason.
 */
export function ruleFileExists(path: string): boolean {
  try {
    return lstatSync(path) !== undefined
  } catch (error) {
    return !['ENOENT', 'ENOTDIR'].includes(errorCode(error))
  }
}
