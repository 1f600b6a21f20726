// What the API answers, as doc/quarantine-api.json describes it.

/** @import { ProblemType } from '../../../../protocol/quarantine-api/problems.ts' */
/** @import { Right } from '../../../../protocol/quarantine-api/exchange.ts' */

/**
 * What a person did with a message: a release has its first recipient, and the number of all; an exception, whose mail it lets in.
 *
 * @typedef {{ at: string, person: string, act: 'released' | 'deleted' | 'allowed' | 'disallowed' | 'downloaded', recipients?: string[], recipientCount?: number, for?: Whose }} Act
 */
/**
 * A message in a list. `sender` is that of the envelope ('' for a bounce), and `from` the field.
 *
 * @typedef {{
 *   id: string, time: string, state: 'kept' | 'releasing' | 'released', grounds: string, found: string | null, size: number,
 *   sender: string, from: string, recipients: string[], recipientCount: number, subject: string | null,
 *   attachments: string[], client: string | null, queue: string | null, host: string,
 *   deletedOn: string | null, releasedCount: number, history: Act[]
 * }} Summary
 */
/** That somebody has received a message. @typedef {{ recipient: string, at: string, person: string }} Receipt */
/** Whose mail an exception lets in. @typedef {'sender' | 'recipient' | 'pair'} Whose */
/**
 * A message; `obstacle` is why the person cannot release it, and `exceptions` are those that the person may make, or undo.
 *
 * @typedef {Summary & { header: string, log: string, releasedTo: Receipt[], obstacle: ProblemType | null, exceptions: { for: Whose, isMade: boolean }[] }} Message
 */
/**
 * Who is signed in, and the seconds without use after which the page forgets the token.
 *
 * @typedef {{ person: string, may: Right[], releases?: string[], domains?: string[], recipients?: string[], signOutAfter: number }} Me
 */
/** @typedef {{ names: string[], types: string[], size: number, answer: 'clean' | 'infected' | 'unknown', finding: string | null }} Part */
/** @typedef {{ text: string, isCut: boolean, links: { text: string, target: string }[] }} Letter */

export {}
