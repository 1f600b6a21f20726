import t from 'tap'
import type { CodedText, Leaf } from '../../../../src/mail/mime/structure/open-contents.ts'
import { MailReading } from '../../../../src/mail/mime/structure/reading.ts'

const TYPE = 'Content-Type: '
const ENCODING = 'Content-Transfer-Encoding: '
const MIXED = `${TYPE}multipart/mixed; boundary=b\n\n`
const INSIDE = `${TYPE}multipart/mixed; boundary=C\n\n`

/**
 * A mail, and where the contents that some reader sees in it begin and end. Of each leaf: how many
 * multiparts and messages it stands in (`-` if a reader knows it only by its looks), its encodings,
 * its bytes, its bytes up to each earlier end, and whether it is text of the mail itself.
 */
const cases: readonly (readonly [name: string, mail: string, ...contents: string[]])[] = [
  ['the body of a mail without parts', 'A: b\n\nx\n', '0/0 identity "x\\n" text'],
  ['a mail that ends in its header', 'A: b'],
  [
    'parts, and what stands around them',
    `${MIXED}p\n--b\n\nx\n--b--\ne\n`,
    '0/0 identity "p\\n"',
    '1/0 identity "x\\n"',
    '- identity "e\\n" text',
  ],
  [
    'a delimiter with junk behind it',
    `${MIXED}--b\n\nx\n--b junk\ny\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity "x\\n--b junk\\ny\\n" or "x\\n"',
    '1/0 identity "y\\n"',
    '1/0 identity ""',
    '1/0 identity ""',
  ],
  [
    'a delimiter with blanks behind it',
    `${MIXED}--b\n\nx\n--b \n\ny\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity "x\\n--b \\n\\ny\\n" or "x\\n"',
    '1/0 identity "y\\n"',
    '- identity "" text',
  ],
  [
    'two boundaries',
    `${TYPE}multipart/mixed; boundary="b"; boundary=c\n\n--b\n\nx\n--c\n\ny\n`,
    '0/0 identity "--b\\n\\nx\\n--c\\n\\ny\\n" or "" or "--b\\n\\nx\\n"',
    '1/0 identity "x\\n--c\\n\\ny\\n" or "x\\n"',
    '1/0 identity "y\\n"',
  ],
  [
    'a multipart inside that is not closed',
    `${MIXED}--b\n${TYPE}multipart/mixed; boundary=c\n\n--c\n\nx\n--b--\ne\n--c--\n`,
    '0/0 identity ""',
    '1/0 identity ""',
    '2/0 identity "x\\n--b--\\ne\\n" or "x\\n"',
    '- identity "e\\n--c--\\n" or "e\\n" text',
  ],
  [
    'a multipart inside that is closed',
    `${MIXED}--b\n${TYPE}multipart/mixed; boundary=c\n\n--c\n\nx\n--c--\ny\n--b--\ne\n`,
    '0/0 identity ""',
    '1/0 identity ""',
    '2/0 identity "x\\n"',
    '- identity "y\\n" text',
    '- identity "e\\n" text',
  ],
  [
    'a boundary that is used again inside',
    `${MIXED}--b\n${MIXED}--b\n\nx\n--b--\ny\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity "--b\\n\\nx\\n" or ""',
    '1/0 identity "x\\n"',
    '- identity "y\\n--b--\\n" or "y\\n" text',
  ],
  [
    'a boundary that the one inside begins with',
    `${MIXED}--b\n${TYPE}multipart/mixed; boundary=b--\n\n--b--\n\nx\n--b----\n`,
    '0/0 identity ""',
    '1/0 identity "--b--\\n\\nx\\n" or ""',
    '- identity "\\nx\\n--b----\\n" or "\\nx\\n" text',
  ],
  [
    'a boundary that ends as that of the multipart inside does',
    `${TYPE}multipart/mixed; boundary=b--\n\n--b--\n${MIXED}--b\n\nx\n--b--\n\ny\n`,
    '0/0 identity ""',
    '1/0 identity ""',
    '2/0 identity "x\\n--b--\\n\\ny\\n" or "x\\n"',
    '1/0 identity "y\\n"',
  ],
  [
    'the end of a multipart, in which some readers see the boundary around it',
    `${MIXED}--b\n${TYPE}multipart/mixed; boundary=bc\n\n--bc\n\nx\n--bc--\nA: b\n\ny\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity ""',
    '2/0 identity "x\\n"',
    '- identity "A: b\\n\\ny\\n" text',
    '2/0 identity "y\\n"',
    '- identity "" text',
  ],
  [
    'a multipart inside that is not closed, and another of its boundary',
    `${MIXED}--b\n${INSIDE}--C\n\nx\n--b\n${INSIDE}--C\n\ny\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity ""',
    `2/0 identity "x\\n--b\\n${INSIDE.replaceAll('\n', '\\n')}" or "x\\n"`,
    '1/0 identity ""',
    '2/0 identity "y\\n--b--\\n" or "y\\n"',
    '- identity "" text',
  ],
  [
    'a multipart without a boundary',
    `${TYPE}multipart/mixed\n\n--x\n\ny\n`,
    '0/0 identity "--x\\n\\ny\\n" or ""',
    '1/0 identity "y\\n"',
  ],
  [
    'a delimiter in the header of a multipart without a boundary',
    `${TYPE}multipart/mixed\n--x\n\ny\n`,
    '1/0 identity "y\\n"',
  ],
  [
    'a delimiter in the header of a part',
    `${MIXED}--b\n${TYPE}a/b\n--b\nA: b\n\nx\n`,
    '0/0 identity ""',
    '1/0 identity "x\\n"',
  ],
  [
    'an attached message',
    `${TYPE}message/rfc822\n\nA: b\n\nx\n`,
    '0/0 identity "A: b\\n\\nx\\n"',
    '1/1 identity "x\\n" text',
  ],
  [
    'an attached message below blank lines',
    `${MIXED}--b\n${TYPE}message/rfc822\n\n\nA: b\n\nx\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity "\\nA: b\\n\\nx\\n"',
    '0/1 identity "A: b\\n\\nx\\n" text',
    '0/1 identity "x\\n" text',
    '- identity "" text',
  ],
  [
    'a digest',
    `${TYPE}multipart/digest; boundary=b\n\n--b\n\nA: b\n\nx\n--b\n${TYPE}text/plain\n\ny\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity "A: b\\n\\nx\\n"',
    '0/1 identity "x\\n" text',
    '1/0 identity "y\\n" text',
    '- identity "" text',
  ],
  [
    'a line in a header that is no field',
    'A: b\nno field\nC: d\n\nx\n',
    '0/0 identity "no field\\nC: d\\n\\nx\\n"',
    '0/0 identity "x\\n"',
  ],
  ['three lines that are no fields', 'A: b\nno\nno\nno\nx\n', '0/0 identity "no\\nno\\nno\\nx\\n"'],
  [
    'eight lines in a row that are no fields, and a field below them',
    `A: b\n${'no\n'.repeat(8)}${ENCODING}base64\n\nx\n`,
    `0/0 identity,base64 "${'no\\n'.repeat(8)}Content-Transfer-Encoding: base64\\n\\nx\\n"`,
    '0/0 identity,base64 "x\\n"',
  ],
  [
    'nine such lines below the field of a multipart',
    `${MIXED.trimEnd()}\n${'no\n'.repeat(9)}--b\n\nx\n`,
    `0/0 identity "${'no\\n'.repeat(9)}--b\\n\\nx\\n" or "${'no\\n'.repeat(9)}"`,
    '2/0 identity "x\\n"',
  ],
  [
    'a blank line in a header',
    'A: b\n \nC: d\n\nx\n',
    '0/0 identity "C: d\\n\\nx\\n"',
    '0/0 identity "x\\n"',
  ],
  [
    'a line in the header of a part that is no field',
    `${MIXED}--b\nno field\nC: d\n\nx\n`,
    '0/0 identity ""',
    '1/0 identity "no field\\nC: d\\n\\nx\\n"',
    '1/0 identity "C: d\\n\\nx\\n"',
    '1/0 identity "x\\n"',
  ],
  [
    'fields in a text',
    `A: b\n\nx\n${ENCODING}base64\n\ny\n`,
    '0/0 identity "x\\nContent-Transfer-Encoding: base64\\n\\ny\\n" text',
    'coded "Content-Transfer-Encoding: base64\\n\\ny\\n"',
  ],
  [
    'fields in a text that belongs to the header for some readers',
    `A: b\n${'no\n'.repeat(9)}${ENCODING}base64\n\ny\n`,
    `0/0 identity "${'no\\n'.repeat(9)}Content-Transfer-Encoding: base64\\n\\ny\\n"`,
    'coded "Content-Transfer-Encoding: base64\\n\\ny\\n"',
    '0/0 identity "y\\n"',
    '- base64 "y\\n" text',
  ],
  [
    'empty lines of which fewer readers take the first for one',
    'A: b\n\r\r\nC: d\n\r\nx\n',
    '0/0 identity "C: d\\n\\r\\nx\\n" text',
    '0/0 identity "x\\n" text',
  ],
  [
    'empty lines of which as many readers take the second for one',
    'A: b\n\r\nC: d\n\r\nx\n\ny\n',
    '0/0 identity "C: d\\n\\r\\nx\\n\\ny\\n" text',
    '0/0 identity "y\\n" text',
  ],
  [
    'a header below an empty line',
    '\nA: b\n\nx\n',
    '0/0 identity "A: b\\n\\nx\\n" text',
    '0/0 identity "x\\n" text',
  ],
  [
    'a header below the line of an mbox',
    'From a@b Mon Jun 1\nA: b\n\nx\n',
    '0/0 identity "x\\n" text',
  ],
  [
    'the line of an mbox that is not above the fields',
    'A: b\nC: d\n>From a\n\nx\n',
    '0/0 identity ">From a\\n\\nx\\n" text',
    '0/0 identity "x\\n" text',
  ],
  [
    'uuencode that delimiters stand in',
    `${MIXED}--b\n\nbegin 644 a\n#86)C\n--b\n\nx\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity "begin 644 a\\n#86)C\\n"',
    'coded "begin 644 a\\n#86)C\\n"',
    'coded "begin 644 a\\n#86)C\\n--b\\n\\nx\\n"',
    '1/0 identity "x\\n"',
    '- identity "" text',
  ],
  [
    'uuencode in a mail that is a message as a whole',
    `${TYPE}message/rfc822\n\n${MIXED}--b\n\nbegin 644 a\n#86)CXXXXXXX\n--b--\n`,
    '1/1 identity ""',
    '2/1 identity "begin 644 a\\n#86)CXXXXXXX\\n"',
    'coded "begin 644 a\\n#86)CXXXXXXX\\n"',
    `0/0 identity "${MIXED.replaceAll('\n', '\\n')}--b\\n\\nbegin 644 a\\n#86)CXXXXXXX\\n--b--\\n"`,
    'coded "begin 644 a\\n#86)CXXXXXXX\\n--b--\\n"',
    '- identity "" text',
  ],
  [
    'other lines behind uuencode, before a delimiter',
    `${MIXED}--b\n\nbegin 644 a\n#86)CXXXXXXX\n--b\n\nx\n--b--\n`,
    '0/0 identity ""',
    '1/0 identity "begin 644 a\\n#86)CXXXXXXX\\n"',
    'coded "begin 644 a\\n#86)CXXXXXXX\\n"',
    '1/0 identity "x\\n"',
    '- identity "" text',
  ],
  [
    'uuencode in a header',
    'A: b\nbegin 644 a\n#86)C\n\nx\n',
    'coded "begin 644 a\\n#86)C\\n\\nx\\n"',
    '0/0 identity "begin 644 a\\n#86)C\\n\\nx\\n"',
    '0/0 identity "x\\n"',
  ],
  [
    'yEnc',
    'A: b\n\n=ybegin line=128 name=a\nx\n',
    '0/0 identity "=ybegin line=128 name=a\\nx\\n" text',
    'coded "=ybegin line=128 name=a\\nx\\n"',
  ],
  [
    'an encoded multipart',
    `${TYPE}multipart/mixed; boundary=b\n${ENCODING}base64\n\n--b\n\nx\n`,
    '0/0 identity,base64 ""',
    '1/0 identity,base64 "x\\n"',
  ],
  [
    'a multipart in an encoded one',
    `${TYPE}multipart/mixed; boundary=b\n${ENCODING}base64\n\n--b\n${INSIDE}--C\n\nx\n`,
    '0/0 identity,base64 ""',
    '1/0 identity,base64 ""',
    '2/0 identity,base64 "x\\n"',
  ],
]

for (const [name, mail, ...contents] of cases) {
  t.test(`the contents of a mail: ${name}`, async (t) => {
    const found: string[] = []
    const quoted = (from: number, to: number) => JSON.stringify(mail.slice(from, to))
    const reading = new MailReading({
      leaf({ from, to, mayEnd, header, encodings, depth }: Leaf) {
        const nested = depth ? `${depth.levels}/${depth.messages}` : '-'
        const ends = mayEnd.map((end) => `or ${quoted(from, end)}`)
        const text = header.isText ? ['text'] : []
        found.push([nested, encodings.join(), quoted(from, to), ...ends, ...text].join(' '))
      },
      coded: ({ from, to }: CodedText) => void found.push(`coded ${quoted(from, to)}`),
    })
    reading.push(Buffer.from(mail, 'latin1'))
    reading.end()
    t.same(found, contents)
  })
}
