import type { Grounds } from './reply.ts'

const HARM = 'Opening it may do harm.'
const UNREAD = 'It could not be scanned as a whole, so a virus may be in it.'

/** Why a message is in quarantine, for people: the words of the page and of digests, and the danger for who opens it. */
const kinds: Readonly<Partial<Record<Grounds, readonly [words: string, danger: string]>>> = {
  virus: ['Virus', HARM],
  banned: ['Banned attachment', HARM],
  encrypted: ['Encrypted content', UNREAD],
  macros: ['Document with macros', HARM],
  phishing: ['Misleading link', HARM],
  unwanted: ['Unwanted program', HARM],
  structured: ['Card or account numbers', ''],
  broken: ['Broken file', UNREAD],
  'nested-too-deep': ['Nested too deep to scan', UNREAD],
  'too-much-inside': ['Too much inside to scan', UNREAD],
  'too-large-inside': ['Too large inside to scan', UNREAD],
  unreadable: ['Unreadable part', UNREAD],
  'strange-mime': ['Malformed message', UNREAD],
  'unclear-header': ['Unclear header', UNREAD],
}

/** The kinds that a list may be limited to, each with its words. */
export const kindsInWords = Object.entries(kinds).map(([kind, [words]]) => [kind, words] as const)

/** The sentences about dangers. */
export const dangers = [HARM, UNREAD] as const

/** Returns the words for grounds; those themselves if there are none. */
export const kindText = (grounds: string): string => kinds[grounds as Grounds]?.[0] ?? grounds

/** Returns the danger of a message in a sentence, or ''. */
export const dangerText = (grounds: string): string => kinds[grounds as Grounds]?.[1] ?? ''

/** Returns what was found, beside the words of its kind. */
export const findingText = (message: { grounds: string; found: string | null }): string =>
  (message.found ?? '').replace(message.grounds === 'banned' ? /^attachment / : '', '')

/**
 * Whether the From field, as text, has exactly the address of the envelope, or there is no field. The address is in
 * the brackets at its end: a name before it may look like one.
 */
export function isSameAddress(from: string, sender: string): boolean {
  const [, address = from] = /<([^<>]*)>$/.exec(from.trim()) ?? []
  return from === '' || address.trim().toLowerCase() === sender.toLowerCase()
}

/** Returns `1 of 40 released`, or '' if no recipient has the message. */
export const releasedText = (message: { releasedCount: number; recipientCount: number }): string =>
  message.releasedCount === 0
    ? ''
    : `${message.releasedCount} of ${message.recipientCount} released`
