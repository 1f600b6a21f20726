import { attempt, errorText } from '../../base/errors/fault.ts'
import type { Environment } from '../../base/process/environment.ts'
import { exceptionFor, exceptionsForMessages } from '../configuration/exceptions.ts'
import { EXCEPTION_RECIPIENTS_MAX, type Person } from '../protocol/quarantine-api/exchange.ts'
import type { QuarantineRecord } from '../scan/quarantine/record.ts'
import { Problem } from './problem.ts'
import { mayRelease } from './reader.ts'
import { asUtf8 } from './shown-message.ts'

/** Whose mail with a finding is let in: that from the sender to the recipients, from the sender to all, or to the recipients from all. */
export const EXCEPTIONS_FOR = ['pair', 'sender', 'recipient'] as const
export type ExceptionFor = (typeof EXCEPTIONS_FOR)[number]

/** Lines of onescan.policy, and what they let in, for people. */
interface MessageException {
  readonly lines: readonly string[]
  readonly letsIn: string
}

/** Returns the exception by which mail like this one is accepted: with this finding. Throws a Problem if there is none. */
export function exceptionForMessage(
  { sender, recipients, found = '' }: QuarantineRecord,
  of: ExceptionFor,
): MessageException {
  const fail = (reason: string): never => {
    throw new Problem('no-exception', reason)
  }
  if (found === '') fail('nothing was found in it that an exception could name')
  const signature = asUtf8(found)
  if (signature.includes('*')) fail('the name of the finding has an asterisk')
  if (of !== 'recipient' && sender === '') fail('it has no sender')
  const isForAll = of === 'sender'
  if (!isForAll && (recipients.length === 0 || recipients.length > EXCEPTION_RECIPIENTS_MAX))
    fail(
      `it has ${recipients.length} recipients; an exception may have 1 to ${EXCEPTION_RECIPIENTS_MAX}`,
    )
  const from = of === 'recipient' ? undefined : asUtf8(sender)
  const to = isForAll ? [undefined] : recipients.map(asUtf8)
  const lines = attempt(() =>
    to.map((recipient) => exceptionFor({ from, to: recipient, signature })),
  )
  const whom = isForAll ? 'everybody' : to.join(', ')
  return {
    lines:
      lines ?? fail('an address or the name of the finding has characters that a rule cannot have'),
    letsIn: `From now on, mail from ${from ?? 'any sender'} with ${signature.replace(/^attachment /, 'the $&')} is delivered to ${whom}.${from === undefined ? '' : ' Anyone can forge this sender.'}`,
  }
}

/** An exception that a person may make, or undo. */
interface PossibleException {
  readonly for: ExceptionFor
  /** Whether it was made, for this message or another one. */
  readonly isMade: boolean
}

/**
 * Resolves to the exceptions that a person may make for a message or undo: none if this host has not been set up for them. Those of
 * a person who sees the mail of some recipients are for these.
 */
export async function possibleExceptions(
  person: Person,
  record: QuarantineRecord,
  env: Environment,
): Promise<PossibleException[]> {
  if (!person.may.includes('allow') || !mayRelease(person, record.grounds)) return []
  const made = await exceptionsForMessages(env).catch(() => undefined)
  if (made === undefined) return []
  return EXCEPTIONS_FOR.flatMap((of) => {
    const lines =
      of === 'sender' && person.to !== undefined
        ? undefined
        : attempt(() => exceptionForMessage(record, of).lines)
    return lines === undefined ? [] : [{ for: of, isMade: lines.every((line) => made.has(line)) }]
  })
}

/** Throws the Problem of an error of writing the lines. */
export function cannotWrite(error: unknown): never {
  throw new Problem('no-exceptions', errorText(error))
}
