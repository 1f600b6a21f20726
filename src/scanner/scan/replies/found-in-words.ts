import type { Grounds } from './reply.ts'

/** Why a message is in quarantine, for people: on the page, and in digests. */
export const kindsInWords: Readonly<Partial<Record<Grounds, string>>> = {
  virus: 'Virus',
  banned: 'Banned attachment',
  encrypted: 'Encrypted content',
  macros: 'Document with macros',
  phishing: 'Misleading link',
  unwanted: 'Unwanted program',
  structured: 'Card or account numbers',
  broken: 'Broken file',
  'nested-too-deep': 'Nested too deep to scan',
  'too-much-inside': 'Too much inside to scan',
  'too-large-inside': 'Too large inside to scan',
  unreadable: 'Unreadable part',
  'strange-mime': 'Malformed message',
  'unclear-header': 'Unclear header',
}

/** Returns the words for grounds; those themselves if there are none. */
export const kindText = (grounds: string): string => kindsInWords[grounds as Grounds] ?? grounds

/** Returns what was found, beside the words of its kind. */
export const findingText = (message: { grounds: string; found: string | null }): string =>
  (message.found ?? '').replace(message.grounds === 'banned' ? /^attachment / : '', '')

/** Whether the From field has the address of the envelope, or there is no field. */
export const isSameAddress = (from: string, sender: string): boolean =>
  from === '' || from.toLowerCase().includes(sender.toLowerCase() || '\0')
