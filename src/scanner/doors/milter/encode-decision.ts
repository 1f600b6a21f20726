import { Fault } from '../../../base/errors/fault.ts'
import { replaceUnprintable } from '../../../base/log/line-format.ts'
import { addressBytes, isPlainPath, type MailAddress } from '../../../base/text/address.ts'
import type { Header, HeaderEdits } from '../../../mail/message/header-block.ts'
import { replyOf } from '../../handling/smtp-reply.ts'
import { type Agreement, action } from '../../protocol/milter/milter-offer.ts'
import {
  accepted,
  discarded,
  type Edit,
  encodeEdit,
  smtpReply,
} from '../../protocol/milter/milter-replies.ts'
import type {
  Decision,
  QuarantineDecision,
  SplitDecision,
} from '../../scan/judge/decision/decision.ts'
import { acceptedShare } from '../../scan/judge/decision/divide.ts'
import { addressIn, writtenPath } from './recipient-path.ts'

/** The message as the MTA sent it, to which edits refer. */
interface MtaMessage {
  readonly header: Header
  /** The recipients that were not refused, as recipient-path.ts has them. */
  readonly paths: readonly Buffer[]
}

/**
 * The index of new fields: above everything, even above the MTA's own Received field, which the MTA has added
 * by now and does not send. At index 1 the stamp would be below fields that an earlier filter has added on
 * top, and those were hashed.
 */
const INSERT_AT = 0
/** Characters of the reason that an MTA gets for its hold queue. */
const REASON_MAX = 200

/**
 * Returns the packets that end the message: its edits, then the answer. Throws a Fault of kind
 * `config` if the MTA does not allow such an edit.
 */
export function encodeDecision(
  decision: Decision,
  message: MtaMessage,
  agreement: Agreement,
): Buffer {
  switch (decision.kind) {
    case 'accept': {
      const edits = [
        ...headerEdits(decision.edits, message.header, agreement),
        ...(decision.recipients ? redirections(decision.recipients, message, agreement) : []),
      ]
      return acceptWith(edits, agreement)
    }
    case 'split':
      return handOnShare(decision, message, agreement)
    case 'reject':
    case 'defer':
      return smtpReply(replyOf(decision.reply))
    case 'discard':
      return discarded
    case 'quarantine':
      return decision.quarantine.kind === 'hold' ? hold(decision, message, agreement) : discarded
  }
}

/**
 * Returns the edits that make the MTA deliver only to recipients whose share is accepted. For the others the
 * message has already been kept.
 */
function handOnShare(
  split: SplitDecision,
  { header, paths }: MtaMessage,
  agreement: Agreement,
): Buffer {
  const { edits } = acceptedShare(split)!.decision
  const isGone = (index: number) => split.shares[split.shareOf[index]!]!.decision.kind !== 'accept'
  const gone = paths.filter((_, index) => isGone(index))
  return acceptWith([...headerEdits(edits, header, agreement), ...gone.map(removal)], agreement)
}

/** Returns the packets of these edits, and the answer that the MTA accepts the message with them. */
const acceptWith = (edits: readonly Edit[], agreement: Agreement): Buffer =>
  Buffer.concat([...edits.map((edit) => encodeEdit(edit, agreement)), accepted])

/**
 * Makes the MTA keep the message in its own queue, from which postsuper(1) -H or sendmail(8) -qQ releases it.
 */
function hold(
  { edits, grounds, details }: QuarantineDecision,
  message: MtaMessage,
  agreement: Agreement,
): Buffer {
  if ((agreement.actions & action.quarantine) === 0) {
    throw new Fault(
      'config',
      'the MTA does not let this filter hold mail: enable this in the MTA, or unset QUARANTINE',
    )
  }
  const found = details.virus ?? details.banned
  const reason = replaceUnprintable(`onescan: ${grounds}${found ? ` ${found}` : ''}`).slice(
    0,
    REASON_MAX,
  )
  const ofHeader = headerEdits(edits, message.header, agreement)
  return acceptWith([...ofHeader, { kind: 'quarantine', reason }], agreement)
}

/**
 * Returns the edits of the header. Throws a Fault if fields must be deleted and the MTA does not permit that.
 *
 * 1. Deletions come first, for each name from its last field up, because MTAs count the remaining fields.
 * 2. New fields are inserted in reverse order at one index, so that the first one ends on top.
 *
 * For an MTA that puts added fields on top they are added instead, so that it need not rewrite the header: in
 * their order, if nothing is deleted.
 */
function headerEdits(
  { remove, add }: HeaderEdits,
  header: Header,
  { actions, lacksSteps }: Agreement,
): Edit[] {
  const deletions: Edit[] = []
  for (const [name, count] of countFields(header, remove)) {
    for (let index = count; index >= 1; index--)
      deletions.push({ kind: 'delete-field', index, name })
  }
  if (deletions.length > 0 && (actions & action.changeFields) === 0) {
    const names = [...countFields(header, remove).keys()].map((name) => name.trim()).join(', ')
    throw new Fault(
      'config',
      `the MTA does not let this filter remove fields: ${names}; enable this in the MTA`,
    )
  }
  const insertions = add.map(
    (field): Edit =>
      lacksSteps
        ? { kind: 'add-field', ...field }
        : { kind: 'insert-field', index: INSERT_AT, ...field },
  )
  const areInOrder = lacksSteps && deletions.length === 0
  return [...deletions, ...(areInOrder ? insertions : insertions.reverse())]
}

/** Counts the fields that must go, by their names as the MTA sent them. */
function countFields(header: Header, names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const { key, start, colon } of header.fields) {
    if (!names.includes(key)) continue
    const sent = header.bytes.toString('latin1', start, colon).toLowerCase() // with blanks, if any
    counts.set(sent, (counts.get(sent) ?? 0) + 1)
  }
  return counts
}

/**
 * Returns the edits that redirect a message. Recipients are removed first. Otherwise, an MTA might remove a
 * new recipient in place of an old one.
 */
function redirections(
  recipients: readonly MailAddress[],
  { paths }: MtaMessage,
  { actions }: Agreement,
): Edit[] {
  const needed = action.addRecipients | action.deleteRecipients
  if ((actions & needed) !== needed) {
    throw new Fault(
      'config',
      'the MTA does not let this filter change recipients: enable this in the MTA, or unset VIRUSFORWARD',
    )
  }
  const wanted = recipients.map(addressBytes)
  const known = paths.map(addressIn)
  const isIn = (list: readonly Buffer[], address: Buffer) =>
    list.some((listed) => listed.equals(address))
  const gone = paths.filter((path) => !isIn(wanted, addressIn(path)))
  const added = wanted.filter((recipient) => !isIn(known, recipient))
  return [
    ...gone.map(removal),
    ...added.map(
      (address): Edit => ({
        kind: 'add-recipient',
        path: Buffer.concat([Buffer.from('<'), address, Buffer.from('>')]),
      }),
    ),
  ]
}

/**
 * Returns the edit that removes a recipient. Throws a Fault if the MTA might not find the recipient, who would
 * then get mail for others.
 */
function removal(path: Buffer): Edit {
  const written = bracketed(writtenPath(path))
  if (isPlainPath(written)) return { kind: 'delete-recipient', path: written }
  throw new Fault(
    'envelope',
    'a recipient must be removed, but its address is not user@domain, so the MTA might keep it',
  )
}

/** Postfix names the recipients of sendmail(1) without angle brackets, and finds them with these, too. */
const bracketed = (path: Buffer): Buffer =>
  path.subarray(0, 1).toString() === '<'
    ? path
    : Buffer.from(`<${path.toString('latin1')}>`, 'latin1')
