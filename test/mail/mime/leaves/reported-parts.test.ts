import { createHash } from 'node:crypto'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import type { PartNames } from '../../../../src/mail/mime/reports/part-names.ts'
import { uuencode } from '../../../scanner/scan/scanners/evasions/compose.ts'
import { readMail } from '../read-mail.ts'
import { behindText, ENCODING, inBase64, options, TYPE } from './one-part.ts'

/** What is reported of parts while their contents are read: that one is complete, its names, and its containers. */

/** The parts of a message that are reported to be in one content. */
function givenIn(mail: string): readonly string[] {
  const given: string[] = []
  const onEmitted = ({ from, to }: { from: number; to: number }) =>
    void given.push(mail.slice(from, to))
  readMail(mail, { ...options, onEmitted })
  return given
}

t.test('parts that are complete in one piece are reported', async (t) => {
  const cases: readonly (readonly [mail: string, parts: readonly string[]])[] = [
    [`${TYPE}a/b\n\na b\n`, ['a b\n']],
    [`${TYPE}a/b\n${ENCODING}base64\n\nYWJj\n`, ['YWJj\n']],
    [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na=41`), ['a=41\n']],
    [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na \nb`), ['a \nb\n']],
    [behindText(`${TYPE}text/html\n${ENCODING}quoted-printable\n\na=`), ['a=\n']],
    [
      `${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}a/b\n\nx\n--b\n${TYPE}c/d\n\ny\n--b--\n`,
      ['x\n', 'y\n'],
    ],
  ]
  for (const [mail, parts] of cases) t.same(givenIn(mail), parts, mail)
})

t.test('a part that readers read in more than one way is not reported as complete', async (t) => {
  const inner = `${inBase64(`${TYPE}a/b\n${ENCODING}base64\n\nYWJj\n`)}\n`
  const cases: readonly (readonly [mail: string, parts: readonly string[]])[] = [
    ['A: b\n\nthe text of the mail\n', []],
    [`${TYPE}message/rfc822\n\nA: b\n\n<c\n`, ['<c\n']],
    [`${TYPE}a/b\n${ENCODING}base64\n\nYWJj=YWJj\n`, []],
    [`${TYPE}a/b\n${ENCODING}quoted-printable\n\na=zz\n`, []],
    [`${TYPE}a/b\n${ENCODING}quoted-printable\n\na \nb\n`, []],
    [`${TYPE}a/b\n${ENCODING}x-uuencode\n\n#86)C\n`, []],
    [`${TYPE}a/b\n\nabc\0def\n`, []],
    [`${TYPE}a/b\nno field\n\nabc\n`, []],
    [`${TYPE}multipart/mixed; boundary=b\n\n--b\n${TYPE}a/b\n\nx\n--b y\n\n--b--\n`, []],
    // What is in an encoded mail has no place in this one.
    [`${TYPE}a/b\n${ENCODING}base64\n\n${inner}`, [inner]],
  ]
  for (const [mail, parts] of cases) t.same(givenIn(mail), parts, mail)
})

t.test('headers and names of encoded files are reported while contents are read', async (t) => {
  const reported = new Set<string>()
  const mail = `${TYPE}message/rfc822\n\n${TYPE}a/b\n\nbegin 644 a.exe\n#86)C\nend\n`
  const onPart = ({ names, types, containers }: PartNames) => {
    reported.add([...names, ...types, ...containers].join())
    return []
  }
  readMail(mail, { ...options, onPart })
  t.same([...reported], ['message/rfc822', 'a/b', 'a.exe,uuencode'])
})

t.test('a calendar is opened, even if its header may be that of a multipart', async (t) => {
  const calendar = 'BEGIN:VCALENDAR\nATTACH;VALUE=BINARY;ENCODING=BASE64:YWJj\nEND:VCALENDAR\n'
  for (const type of ['text/calendar', 'text/calendar; x=boundary', 'a/b; x=multipart']) {
    const { texts } = readMail(`${TYPE}${type}\n\n${calendar}`, options)
    t.ok(texts.includes('abc'), type)
  }
})

t.test('a content has the names of its own part, and the containers around that', async (t) => {
  const inner = `${TYPE}a/b; name="c:\\b.exe"\n${ENCODING}base64\n\nYWJj\n`
  const mail = `${TYPE}x/y; name=outer\n\n${uuencode(Buffer.from(inner), 'begin 644 a.eml')}`
  const partsOf = (listener: { readonly onPart?: () => [] }) => {
    const parts: PartNames[] = []
    const all = { ...options, createHash, ...listener }
    for (const step of contentsOf(Bytes.of(Buffer.from(mail)), all)) {
      if (step.kind !== 'content') continue
      if (step.bytes.gather().toString() === 'abc') parts.push(step.part)
    }
    return parts
  }
  t.match(partsOf({ onPart: () => [] }), [
    { names: ['b.exe'], types: ['a/b'], containers: ['uuencode'] },
  ])
  t.match(partsOf({}), [{ names: [], containers: ['uuencode'] }], 'nobody listens')
})
