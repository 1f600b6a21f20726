import t from 'tap'
import { spoolMessage } from '../../../../../src/mail/message/intake.ts'
import { readSpoolSettings } from '../../../../../src/mail/message/spool.ts'
import { submissionOf } from '../../../../../src/scanner/scan/scanners/run/submission.ts'

/** What bytes are that a client sends as a file of any kind. */

const ofAnyFile = { isScannedAsSent: true, isFile: true }
const asMail = { readAs: 'mail', hasLimits: true, hasMailForm: true }
const likeMail = { readAs: 'mail', hasLimits: true, hasMailForm: false }
const asFile = { readAs: 'file', hasLimits: false, hasMailForm: false }

const zeros = (count: number) => '\0'.repeat(count)
const tar = (name: string, content: string) =>
  `${name}${zeros(257 - name.length)}ustar\x0000${zeros(248)}${content}`

const cases = [
  ['a mail', 'From: a@b\nTo: c@d\n\nx', asMail],
  ['two fields of mail', 'X-Y: z\nsubject : x\nto: y\n\nx', asMail],
  ['one field of mail', 'X-Y: z\nsubject : x\n\nx', asFile],
  ['fields of mail below 100 KB', `${'X-Y: z\n'.repeat(15_000)}To: a@b\nCc: c\n\nx`, asMail],
  ['a mail below blanks', ' \r\n\r\nSubject: x\nTo: y\n\nx', asMail],
  ['a line of mbox', 'From a@b Mon Jan 1\nTo: y\n\n', asMail],
  ['a mailbox', 'From a@b Mon Jan 1\nTo: y\n\nx\n\nFrom c@d Mon Jan 1\nTo: y\n\n', asFile],
  [
    'a mail from Exim with a line of mbox in its text',
    'From a@b Mon Jan 1\nX-Envelope-From: <a@b>\nX-Envelope-To: c@d\nTo: y\n\nx\n\nFrom you\n',
    asMail,
  ],
  [
    'a bounce from Exim with such a line',
    'From MAILER-DAEMON Mon Jan 1\nX-Envelope-To: c@d\nTo: y\n\nx\n\nFrom you\n',
    asMail,
  ],
  [
    'a field about content below a line',
    `Hello\n${'x\n'.repeat(100)}Content-Type: a/b\n\n`,
    asMail,
  ],
  ['a field with eight bits', 'X: \xe4\nMIME-Version: 1.0\n\n', asMail],
  ['a tar whose first name is a field', tar('To: a', 'x'), asFile],
  ['a tar of mails', tar('cur/1', 'Received: x\nContent-Type: text/plain\n\nx'), likeMail],
  ['a picture with a field about content', '\xff\xd8\xff\xe0\nContent-Type: a/b\n\n', likeMail],
  ['an address book', 'BEGIN:VCARD\r\nPHOTO;ENCODING=b:YQ==\r\nEND:VCARD\r\n', asFile],
  ['YAML', 'fileName: x\ncontentType: y\n', asFile],
  ['a mark of a picture that is text above a field', 'GIF89a\nContent-Type: a/b\n\n', likeMail],
  ['a mark of a film that is text above a field', 'abcdftyp\nMIME-Version: 1.0\n\n', likeMail],
  [
    'a field about content in a long header below a mark',
    `GIF89a\n${'X-Y: z\n'.repeat(15_000)}Content-Type: a/b\n\n`,
    likeMail,
  ],
  ['a blank in the name of a field about content', 'Content -Type: a/b\n\n', asMail],
  ['a NUL and such a name', 'X: \0\nContent -Type: a/b\n\n', asMail],
  ['a comment in such a name', 'GIF89a\nContent-(x)Type: a/b\n\n', likeMail],
  ['a control character in such a name', 'Con\x01tent-Type: a/b\n\n', asMail],
  [
    'such a name in a long header',
    `Hello\n${'X-Y: z\n'.repeat(15_000)}Content -Type: a/b\n\n`,
    asMail,
  ],
  ['fields that no reader takes for others', 'key: value\nother: y\n', asFile],
  ['a text', 'Hello,\nthis is From: me\n', asFile],
  ['a text with a field of mail', 'Hello,\nFrom: me\n\nx', asFile],
  ['nothing', '', asFile],
  ['a web page', '<html><a href="x">Content-Type</a></html>', asFile],
  ['some other bytes', '\x01\x02: \xff\xfe\0', asFile],
  ['a DOS program without its mark', 'MZ is a text', asFile],
  ['a picture', '\xff\xd8\xff\xe0\0\x10JFIF', asFile],
  ['a PDF', '%PDF-1.7\n%\xe2\xe3\n1 0 obj', asFile],
  ['an archive', 'PK\x03\x04\x14\0', asFile],
  ['a tar', tar('a.txt', 'hello'), asFile],
  ['a program', `MZ${zeros(58)}\x80\0\0\0`, asFile],
  ['a film', `${zeros(3)} ftypmp42`, asFile],
  ['a mail that begins as a PDF', '%PDF-1.4: x\nSubject: x\nTo: y\n\n', asMail],
] as const

for (const [name, text, kind] of cases) {
  t.test(`${name} is judged as what it is`, async (t) => {
    const bytes = Buffer.from(text, 'latin1')
    async function* chunks() {
      yield bytes
    }
    const message = await spoolMessage(chunks(), { spool: readSpoolSettings({}) })
    t.same(submissionOf(message, 'files'), { ...ofAnyFile, ...kind })
    message.close()
  })
}
