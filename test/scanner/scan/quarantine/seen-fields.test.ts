import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import {
  headerLinesOf,
  seenFields,
  seenFieldsIn,
} from '../../../../src/scanner/scan/quarantine/seen-fields.ts'
import { headerOfMessage } from '../../../mail/message/header-of-message.ts'

/** The fields by which people recognize a message: noted when it is kept, or found in its first bytes later. */

const FILE = 'Content-Type: a/b; name=c'
const FROM = 'From: ann@example.org'
const SUBJECT = 'Subject: x'

t.test('the fields in the first bytes are those that are noted of the message', async (t) => {
  for (const [text, fields, lines] of [
    [`${FROM}\n${SUBJECT}\n\nbody\n${FILE}\n`, [FROM, SUBJECT, FILE], 2],
    [`${FROM}\r\n\r\n${SUBJECT}\r\n\r\n`, [FROM], 1],
    [`${FROM}\r\n\n${SUBJECT}\r\n\r\n`, [FROM], 1],
    [`${FROM}\n\r\n${SUBJECT}\n\n`, [FROM, SUBJECT], 3],
    [`\n${SUBJECT}\n${FILE}\n\n`, [FILE], 0],
    [`\r\n${SUBJECT}\r\n\r\n`, [], 0],
    [`${FROM}\n${SUBJECT}`, [FROM, SUBJECT], 2],
    ['', [], 0],
  ] as const) {
    const bytes = Buffer.from(text)
    const header = headerOfMessage(bytes)
    const body = Bytes.of(bytes.subarray(header.length))
    t.same(await seenFields({ header, body }), fields, JSON.stringify(text))
    t.same(seenFieldsIn(bytes), fields, JSON.stringify(text))
    const above = headerLinesOf(bytes).toString()
    t.equal(above, text.slice(0, above.length))
    t.equal(above.split(/(?<=\n)/).filter((line) => line !== '').length, lines)
  }
})
