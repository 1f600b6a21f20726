import { WireError } from '../../../base/protocol/connection/wire-error.ts'
import { uint32 } from '../frames.ts'
import { replyLines, type SmtpReply } from '../smtp/smtp-syntax.ts'
import { type Agreement, step } from './milter-offer.ts'
import { packet, strings } from './packets.ts'

/** Answers of a filter to a command. After `accepted` and `discarded` the message has ended. */
export const continued = packet('c')
export const accepted = packet('a')
export const discarded = packet('d')
/** The MTA defers with its own text. */
export const deferred = packet('t')
/** Restarts the MTA's timeout. The answer follows later. */
export const progress = packet('p')

/** Characters of a line's text: MTAs rely on this limit of smfi_setmlreply(3). */
const REPLY_TEXT_MAX = 980

/**
 * Returns the packet of a reply with the filter's own text. Each `%` is doubled, because MTAs use the text as
 * a format. Throws a WireError if MTAs would drop the reply because of its codes.
 */
export function smtpReply(reply: SmtpReply): Buffer {
  const { code, enhanced } = reply
  const codeClass = Math.floor(code / 100)
  if (!/^[45]\.\d{1,3}\.\d{1,3}$/.test(enhanced) || Number(enhanced[0]) !== codeClass) {
    throw new WireError(`reply ${code} ${enhanced}: not of one class`)
  }
  const text = replyLines(reply, REPLY_TEXT_MAX).join('\r\n')
  return packet('y', strings(text.replaceAll('%', '%%')))
}

/**
 * An edit of a message. Edits are sent before the answer to its end, and only if they were agreed.
 * Values of fields fold with a bare LF and a blank.
 */
export type Edit =
  /**
   * Inserts a field above the one of that index, counted from 0 over all fields, the MTA's own
   * Received included.
   */
  | {
      readonly kind: 'insert-field'
      readonly index: number
      readonly name: string
      readonly value: string
    }
  /** Adds a field where the MTA does: with libmilter below all others, with Stalwart on top. */
  | { readonly kind: 'add-field'; readonly name: string; readonly value: string }
  /** Deletes the `index`th field of that name, counted from 1 after the edits before. */
  | { readonly kind: 'delete-field'; readonly index: number; readonly name: string }
  | { readonly kind: 'add-recipient'; readonly path: Text }
  /** `path` is as the MTA sent it. */
  | { readonly kind: 'delete-recipient'; readonly path: Text }
  /** Has the MTA put the message into its own hold queue. */
  | { readonly kind: 'quarantine'; readonly reason: string }

type Text = Buffer | string

/** Returns the packet of an edit under this agreement. */
export function encodeEdit(edit: Edit, agreement: Omit<Agreement, 'version'>): Buffer {
  switch (edit.kind) {
    case 'insert-field':
      return packet('i', uint32(edit.index), strings(edit.name, valueFor(agreement, edit.value)))
    case 'add-field':
      return packet('h', strings(edit.name, valueFor(agreement, edit.value)))
    case 'delete-field':
      return packet('m', uint32(edit.index), strings(edit.name, ''))
    case 'add-recipient':
      return packet('+', strings(edit.path))
    case 'delete-recipient':
      return packet('-', strings(edit.path))
    case 'quarantine':
      return packet('q', strings(edit.reason))
  }
}

/**
 * Returns the value of a field with a space before it, if the agreement is that values include the text
 * directly after the colon. Otherwise, the MTA adds the space. Folds are in CRLF for an MTA that sends them
 * unchanged.
 */
function valueFor({ steps, lacksSteps }: Omit<Agreement, 'version'>, value: string): string {
  const folded = lacksSteps ? value.replaceAll('\n', '\r\n') : value
  return steps & step.leadingSpace ? ` ${folded}` : folded
}
