import { banned, infected, type ScanResult, type Unread, unread } from '../findings/scan-result.ts'

/** The longest name in characters, because a reply also contains a path. */
const NAME_MAX = 128
const BEGINNING = 'Onescan.'

/**
 * Returns the name by which onescand reports to clients of clamd that its own settings refuse a message, as one word:
 * `Onescan.nested-too-deep`, `Onescan.banned.attachment_invoice.exe`.
 */
export function nameOfRefusal(grounds: string, what?: string): string {
  return inOneWord([`${BEGINNING}${grounds}`, what].filter(Boolean).join('.'))
}

/** Returns the name of a finding in one word, as clamd reports names. */
export const inOneWord = (name: string): string => name.replace(/[^!-~]/g, '_').slice(0, NAME_MAX)

/** What is not read of a message for which another onescand refuses it. */
const unreadBy: Readonly<Record<string, Unread>> = {
  'nested-too-deep': 'depth',
  'too-much-inside': 'contents',
  'too-large-inside': 'unpacked',
  unreadable: 'unreadable',
  encrypted: 'encrypted',
  'strange-mime': 'oddities',
}

/**
 * Returns the result for a name that another onescand reports, of the same kind as there, or undefined for any other name.
 * `reason` is the reason for the log.
 */
export function resultOfOnescan(name: string, reason: string): ScanResult | undefined {
  if (!name.startsWith(BEGINNING)) return undefined
  const [, grounds = '', what = ''] = /^([^.]*)\.?(.*)$/s.exec(name.slice(BEGINNING.length))!
  const kind = Object.hasOwn(unreadBy, grounds) ? unreadBy[grounds] : undefined
  if (kind !== undefined) return { ...unread(kind, reason), alert: name }
  if (grounds === 'banned') return banned(what.replace(/^attachment_/, 'attachment '))
  return grounds === 'policy' ? banned('by a rule of the scanner') : infected(name)
}
