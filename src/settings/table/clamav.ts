import { Fault } from '../../lib/errors/fault.ts'
import { absolutePath, splitWords } from '../../lib/text/values.ts'
import { parsed, size, text, word, wordList } from './kinds.ts'

/** The directory of signatures in ClamAV's packages. */
export const DEFAULT_DATABASE = '/var/lib/clamav'

/** The files with which this host speaks TLS with another onescand, as its client and its server. */
export const clamAvTls = {
  CLAMDCERT: parsed(undefined, absolutePath),
  CLAMDKEY: parsed(undefined, absolutePath),
  CLAMDCA: parsed(undefined, absolutePath),
}

export const clamAv = {
  CLAMD: wordList('/run/clamav/clamd.ctl'),
  ...clamAvTls,
  CLAMDMAXSIZE: size('100M'),
  CLAMDBDIR: text(undefined, { defaultInWords: `\`${DEFAULT_DATABASE}\`` }),
  BADATTACHMENTS: parsed(undefined, readBanned, { defaultInWords: '`control/badattachments`' }),
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
  throw new Fault(
    'config',
    `BADATTACHMENTS ${text}: must be an absolute path, or names with * or ?, such as "*.exe *.scr"`,
  )
}
