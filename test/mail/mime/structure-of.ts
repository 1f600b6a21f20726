import { Bytes } from '../../../src/mail/message/bytes.ts'
import type { KnownHeader } from '../../../src/mail/message/message.ts'
import { type MailStructure, readStructure } from '../../../src/mail/mime/read-structure.ts'

/** The structure of a mail, and the units of work that it took. Throws LimitExceeded. */
export function structureOf(
  mail: Bytes | Buffer,
  known?: KnownHeader,
): MailStructure & { readonly work: number } {
  const bytes = mail instanceof Bytes ? mail.gather() : mail
  const reading = readStructure(bytes, 0, known)
  let work = 0
  let step = reading.next()
  for (; !step.done; step = reading.next()) work += step.value
  return { ...step.value, work }
}
