import type { Bytes } from '../../../mail/message/bytes.ts'

/** The beginnings by which libclamav recognizes a file as mail (CL_TYPE_MAIL in the file types of 1.4). */
const MAIL =
  /^(?:>?From |(?:Date|Delivered-To|Delivery-date|Envelope-to|For|From|Message-I[Dd]|Received|Received-SPF|Return-[Pp]ath|Subject|To|X-Apparently-To|X-Envelope-From|X-Original-To|X-Real-To|X-Sieve|X-UIDL): )/
/** Marks of other file types, in a file that also has such a beginning. */
const OTHER_MARK = /ustar|EFI PART|TFL3|%PDF|[\0\x80-\xff]/

/** Returns whether libclamav recognizes these bytes as mail. */
export function clamdTreatsAsMail(bytes: Bytes): boolean {
  const text = beginningOf(bytes)
  return MAIL.test(text) && !OTHER_MARK.test(text)
}

/** Returns whether libclamav recognizes a mail as such, because it begins with one of these fields. */
export function beginsWithMailField(firstFields: readonly string[], mail: Bytes): boolean {
  const text = beginningOf(mail)
  return firstFields.some((name) => text.startsWith(`${name}: `)) && !OTHER_MARK.test(text)
}

/** The bytes by which libclamav recognizes the type of a file. */
function beginningOf(bytes: Bytes): string {
  return bytes.gather(0, 1024).toString('latin1')
}
