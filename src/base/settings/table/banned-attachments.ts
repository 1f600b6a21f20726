import { splitWords, wrongValue } from '../../text/values.ts'
import { parsed, word } from './kinds.ts'

/** Settings for attachments that are banned by their names or types. */
export const attachments = {
  BADATTACHMENTS: parsed(undefined, readBanned, {
    defaultInWords: '`badattachments` in `CONTROLDIR`',
  }),
  ARCHIVEBANS: word(['off', 'on']),
}

/**
 * The control file of banned names and types (ATTACHMENTS in onescan-settings(5)), or patterns of
 * names alone.
 */
export type BannedBy = { readonly file: string } | { readonly names: readonly string[] }

/**
 * Reads an absolute path or patterns of names. A name has to hold `*` or `?`, so that a misspelt path is
 * an error and not taken for a name.
 */
function readBanned(text: string): BannedBy {
  if (text.startsWith('/')) return { file: text }
  const names = splitWords(text, 'BADATTACHMENTS')
  if (names.length > 0 && names.every((name) => /[*?]/.test(name))) return { names }
  const known = 'an absolute path, or names with * or ?, such as "*.exe *.scr"'
  throw wrongValue('BADATTACHMENTS', text, known)
}
