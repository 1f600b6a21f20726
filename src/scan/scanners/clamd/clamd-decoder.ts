import type { Bytes } from '../../../mail/message/bytes.ts'
import type { FormSet } from '../../../mail/mime/traits/forms.ts'
import type { ScannerDecoder } from '../contract/scanner.ts'
import { type ClamdServer, STREAMED_MAX } from './clamd-server.ts'
import type { ExtractedForms } from './extracted-forms.ts'

/** The decoding of mail by these servers, which `extracted` knows. */
export class ClamdDecoder implements ScannerDecoder {
  readonly #servers: readonly ClamdServer[]
  readonly #extracted: ExtractedForms | undefined

  constructor(servers: readonly ClamdServer[], extracted: ExtractedForms | undefined) {
    this.#servers = servers
    this.#extracted = extracted
  }

  treatsAsMail(bytes: Bytes): boolean {
    return clamdTreatsAsMail(bytes)
  }

  async extracts(mail: Bytes): Promise<FormSet | undefined> {
    // If its disk is full, clamd skips a part that it cannot write. It was shown to have room for the parts
    // of small mail (readiness/clamd/clamd-forms.ts).
    if (mail.size > STREAMED_MAX) return undefined
    const forms = await this.#extracted?.of(this.#servers)
    return forms && beginsWithMailField(forms.firstFields, mail) ? forms : undefined
  }

  countOmitted(parts: number): void {
    if (this.#extracted !== undefined) this.#extracted.omitted += parts
  }
}

/** The beginnings by which libclamav recognizes a file as mail (CL_TYPE_MAIL in the file types of 1.4). */
const MAIL =
  /^(?:>?From |(?:Date|Delivered-To|Delivery-date|Envelope-to|For|From|Message-I[Dd]|Received|Received-SPF|Return-[Pp]ath|Subject|To|X-Apparently-To|X-Envelope-From|X-Original-To|X-Real-To|X-Sieve|X-UIDL): )/
/** Marks of other file types, in a file that also has such a beginning. */
const OTHER_MARK = /ustar|EFI PART|TFL3|%PDF|[\0\x80-\xff]/

/** Returns whether libclamav recognizes these bytes as mail. */
function clamdTreatsAsMail(bytes: Bytes): boolean {
  const text = beginningOf(bytes)
  return MAIL.test(text) && !OTHER_MARK.test(text)
}

/** Returns whether libclamav recognizes a mail as such, because it begins with one of these fields. */
function beginsWithMailField(firstFields: readonly string[], mail: Bytes): boolean {
  const text = beginningOf(mail)
  return firstFields.some((name) => text.startsWith(`${name}: `)) && !OTHER_MARK.test(text)
}

/** The bytes by which libclamav recognizes the type of a file. */
function beginningOf(bytes: Bytes): string {
  return bytes.gather(0, 1024).toString('latin1')
}
