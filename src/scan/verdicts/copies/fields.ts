import { hasLongLine, maySayContent } from '../../../mail/message/content-fields.ts'
import { Header } from '../../../mail/message/header-block.ts'
import { unboundFields } from '../../cluster/mac.ts'
import { isStampName } from '../../cluster/stamp.ts'

/**
 * Fields that each copy of a message gets on its way, in any number and order, and by which no reader
 * decodes mail. They are not part of a fingerprint. They are the fields that no stamp binds, but without
 * Content-Length, by which some readers cut mail.
 */
export const transportFields: ReadonlySet<string> = new Set(
  [...unboundFields].filter((name) => name !== 'content-length'),
)

/**
 * Fields that a sender writes anew in each copy. Their presence and place are part of the
 * fingerprint; their value is not.
 */
export const copyFields: ReadonlySet<string> = new Set(['message-id', 'date', 'to', 'cc'])

/** The only fields that may differ when a message that killed a scanner is delivered again. */
const retryFields: ReadonlySet<string> = new Set(['received', 'date', 'message-id'])

type FieldShare = 'whole' | 'name' | 'nothing'

/** How much of a field is part of the fingerprint of copies; `name` is in lower case. */
export function shareOf(name: string): FieldShare {
  if (transportFields.has(name) || isStampName(name)) return 'nothing'
  return copyFields.has(name) ? 'name' : 'whole'
}

/** The same for the exact fingerprint of a message that is delivered again. */
export function shareInRetry(name: string): FieldShare {
  return retryFields.has(name) || isStampName(name) ? 'nothing' : 'whole'
}

/**
 * Most bytes of fields whose value is not part of the fingerprint. Scanners stop reading a header at some
 * length, and readers of mail go on: the fields that are left out must be too short for that.
 */
export const FREE_MAX = 64 * 1024

/**
 * Returns the header fields, in their order. A field that counts whole stands as it is, from the first
 * byte of the name through the line end, with CRLF made LF. Of a field whose name counts, the name in
 * lower case, a colon and LF stand there. Undefined if the remaining text is longer than FREE_MAX, has a
 * long line, or may say something about content.
 */
export function fieldsSharedBy(
  header: Header,
  share: (name: string) => FieldShare,
): string | undefined {
  let all = ''
  let free = 0
  for (const field of header.fields) {
    const how = share(field.key)
    const text = header.textOf(field)
    if (how === 'whole') all += text.replaceAll('\r\n', '\n')
    else {
      free += text.length
      if (free > FREE_MAX || hasLongLine(text)) return undefined
      if (maySayContent(field.name, header.valueOf(field))) return undefined
      if (how === 'name') all += `${field.key}:\n`
    }
  }
  return all
}

/** The header with nothing but what a message shares with its copies, if it has a fingerprint. */
export function headerOfAllCopies(header: Header): Header {
  const text = `${fieldsSharedBy(header, shareOf)}\n`
  return new Header(Buffer.from(text.replaceAll('\n', header.lineEnding), 'latin1'))
}
