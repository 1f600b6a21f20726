import { Bytes } from '../../../src/mail/message/bytes.ts'
import type { Header } from '../../../src/mail/message/header-block.ts'
import { readStructure } from '../../../src/mail/mime/read-structure.ts'
import type { MailStructure } from '../../../src/mail/mime/structure/mail-structure.ts'
import { doneUnlimited } from './unlimited-work.ts'

/** The structure of a mail. Throws LimitExceeded. */
export function structureOf(mail: Bytes | Buffer, known?: Header): MailStructure {
  const bytes = mail instanceof Bytes ? mail.gather() : mail
  return doneUnlimited((work) => readStructure(bytes, 0, work, known)).result
}
