import type { Property } from '../../../base/settings/table/findings.ts'
import { properties } from '../scanners/findings/properties.ts'

const byFindings = (property: Property) => `${properties[property].because} (FINDINGS)`

/** Received fields of a message that is refused as in a mail loop (RFC 5321 6.3): `hopcount_limit` of Postfix. */
export const HOPS_MAX = 50

/**
 * The reasons for which a message is refused, deferred or quarantined; doors choose their reply codes by them.
 * `npm run docs` writes them into onescan-log(5), like faults and causes.
 */
export const groundsInWords = {
  virus: 'a scanner found a virus',
  banned: 'an attachment in it is banned',
  policy: 'a line in onescan-policy(5) refuses it, whatever it contains',
  unscanned: 'no scanner gave a result',
  'nested-too-deep': 'it is nested deeper than scanners look (UNREAD)',
  'too-much-inside': 'it has more parts, or larger ones, than are scanned (UNREAD)',
  'too-large-inside': 'a file packed in it is larger than scanners read (UNREAD)',
  unreadable: 'a part in it cannot be read, such as a text in EBCDIC or broken S/MIME (UNREAD)',
  encrypted: byFindings('encrypted'),
  macros: byFindings('macros'),
  phishing: byFindings('phishing'),
  unwanted: byFindings('unwanted'),
  structured: byFindings('structured'),
  broken: byFindings('broken'),
  'strange-mime': 'it has malformed or unusual MIME (STRICTMIME)',
  'too-large': 'over SMTP: it is larger than this host accepts',
  'bare-newline': 'over SMTP: servers could differ about where it ends',
  'unclear-header': 'a field must be removed from a malformed header',
  'too-many-hops': `over SMTP: it passed through ${HOPS_MAX} servers or more, so it is in a loop`,
  'over-quota': 'the mailboxes of all these recipients are full',
} as const
export type Grounds = keyof typeof groundsInWords
export const GROUNDS = Object.keys(groundsInWords) as readonly Grounds[]

export interface Reply {
  /** 4: the client may try again later; 5: permanent. */
  readonly class: 4 | 5
  /** The RFC 3463 status: "5.7.1". */
  readonly enhanced: string
  /** Printable ASCII without the status code. */
  readonly text: string
  readonly grounds: Grounds
}
