import { Bytes } from '../../../src/mail/message/bytes.ts'
import type { KnownHeader } from '../../../src/mail/message/message.ts'
import { type MailStructure, readStructure } from '../../../src/mail/mime/read-structure.ts'
import { doneUnlimited } from './unlimited-work.ts'

/** The structure of a mail. Throws LimitExceeded. */
export function structureOf(mail: Bytes | Buffer, known?: KnownHeader): MailStructure {
  const bytes = mail instanceof Bytes ? mail.gather() : mail
  return doneUnlimited((work) => readStructure(bytes, 0, work, known)).result
}
