import t from 'tap'
import { readMail } from '../read-mail.ts'

/** A file is found in a mail that programs read differently for two reasons at once. */

const file = Buffer.from('the content of the file, of some length\n'.repeat(3))
const [firstLine, ...lines] = file.toString('base64').match(/.{40}/g)!

/** A message with the file, in pieces. */
interface Mail {
  readonly top: string
  readonly type: string
  readonly part: string
  readonly fields: string
  readonly gap: string
  /** A line among those of the file. */
  readonly line: string
  readonly end: string
}

const plain: Mail = {
  top: '',
  type: 'multipart/mixed; boundary="k.:"',
  part: 'application/zip',
  fields: 'Content-Disposition: attachment; filename=a.zip\n',
  gap: '\n',
  line: '!',
  end: '--k.:--\n',
}

function written({ top, type, part, fields, gap, line, end }: Mail): string {
  const header = `Content-Type: ${part}\nContent-Transfer-Encoding: base64\n${fields}`
  return `${top}Content-Type: ${type}\n\n--k.:\n${header}${gap}${dataOf({ line })}${end}`
}

function dataOf({ line }: Pick<Mail, 'line'>): string {
  return [firstLine, line, ...lines, ''].join('\n')
}

type Change = (mail: Mail) => Mail

const withLine =
  (line: string): Change =>
  (mail) => ({ ...mail, line: `${mail.line}\n${line}` })
const withField =
  (line: string): Change =>
  (mail) => ({ ...mail, fields: `${mail.fields}${line}\n` })

/** A mail with the delimiter of another boundary in its file; `before` of them are in front of its own. */
const ofSeveral =
  (before: string, behind: string): Change =>
  (mail) => ({
    ...withLine('--!!\n--!?\n--??\n--.!')(mail),
    type: mail.type.replace('boundary=', `${before}$&`) + behind,
  })

/** Why a header is not plain, though nothing is wrong with its boundary. */
const reasons: Readonly<Record<string, Change>> = {
  'none at all': (mail) => mail,
  'an underscore in a name': (mail) => ({ ...mail, top: `X-Content_Rating: low\n${mail.top}` }),
  'a misspelt name': (mail) => ({ ...mail, top: `MIME-Versi_on: 1.0\n${mail.top}` }),
  'a line that is no field': (mail) => ({ ...mail, top: `no field\n${mail.top}` }),
  'a control character': (mail) => ({ ...mail, top: `X-Content-A: \x01\n${mail.top}` }),
  'a comment in another field': (mail) => ({ ...mail, top: `X-Name: (a) boundary\n${mail.top}` }),
  'an encoded line end': (mail) => ({ ...mail, top: `Subject: =?x?b?YQpi?=\n${mail.top}` }),
  'a parameter without a value': (mail) => ({ ...mail, type: `${mail.type}; x` }),
  'a parameter twice': (mail) => ({ ...mail, type: `${mail.type}; x=1; x=2` }),
  'a comment in the type': (mail) => ({ ...mail, type: `${mail.type} (c)` }),
  'no subtype': (mail) => ({ ...mail, type: mail.type.replace('mixed', '') }),
}

/** What programs read differently, each as something in the mail that does not keep some program from the file. */
const oddities: Readonly<Record<string, Change>> = {
  'bare CR': withLine('!\r!'),
  'blank top': (mail) => ({ ...mail, top: `\n${mail.top}` }),
  'empty line': (mail) => ({ ...mail, gap: '\r\n' }),
  'empty line with CRs': (mail) => ({ ...mail, gap: '\r\r\n' }),
  'blank line': withField(' '),
  'strange line': withField('no field'),
  'nameless line': withField(': x'),
  'field below header': withLine('!: !'),
  'delimiter in header': withField('--k.:'),
  'own delimiter in header': (mail) => ({ ...mail, type: `${mail.type}\n--k.:` }),
  'delimiter and blanks': withLine('--k.: '),
  'delimiter with blanks': withLine('-- k.:'),
  'delimiter with NULs': withLine('--k\0.:'),
  'delimiter in other letters': withLine('--K.:'),
  'delimiter of the first boundary': ofSeveral('boundary="!!"; ', ''),
  'delimiter of the second boundary': ofSeveral('', '; boundary="!!"'),
  'delimiter of the third boundary': ofSeveral('boundary="!?"; ', '; boundary="!!"'),
  'delimiter of one more boundary': ofSeveral('boundary="!?"; boundary="??"; ', '; boundary="!!"'),
  'delimiter, a blank and more': withLine('--k.: !'),
  'last delimiter and more': withLine('--k.:--!'),
  'delimiter and more': withLine('--k.:!'),
  'any dashes': withLine('--'),
  'outer delimiter': (mail) => ({
    ...withLine('--k.:')(mail),
    part: `multipart/mixed; boundary=";;"\n\n--;;\nContent-Type: ${mail.part}`,
    end: `--;;--\n${mail.end}`,
  }),
  'delimiter after the end': (mail) => ({ ...mail, end: `${mail.end}--k.:\n\n!\n` }),
  'text after the end': (mail) => ({ ...mail, end: `${mail.end}A: b\n\n!\n` }),
  multipart: (mail) => ({
    ...withLine('--,,')(mail),
    part: mail.part.replace('application/zip', 'multipart/; boundary=",,"'),
  }),
  boundary: (mail) => ({ ...withLine('--,;')(mail), part: `${mail.part}; boundary=",;"` }),
}

function isFound(mail: Mail): boolean {
  const { contents, over } = readMail(written(mail))
  return over === '' && contents.some((content) => content.includes(file))
}

for (const [reason, change] of Object.entries(reasons)) {
  t.test(`a file is found below a header that is not plain for ${reason}`, async (t) => {
    for (const [oddity, also] of Object.entries(oddities))
      if (!isFound(also(change(plain)))) t.fail(`with ${oddity}`)
  })
}

t.test('a file is found in a mail with two of them', async (t) => {
  const all = Object.entries(oddities)
  const isOfSeveral = (feature: string) => /^delimiter of .* boundary$/.test(feature)
  for (const [at, [first, one]] of all.entries())
    for (const [second, other] of all.slice(at + 1)) {
      const areNumbers = isOfSeveral(first) && isOfSeveral(second)
      if (!areNumbers && !isFound(other(one(plain)))) t.fail(`${first} and ${second}`)
    }
})

t.test('a file is found below a delimiter with a comment in front', async (t) => {
  for (const front of ['(c)', '(a comment)', ' (a comment)\t'])
    for (const [encoding, data] of [
      ['base64', file.toString('base64')],
      ['8bit', `MZ${file}`],
    ])
      for (const end of ['\n', '\r\n']) {
        const mail = `Content-Type: multipart/mixed; boundary="k.:"\n\n${front}--k.:\nContent-Type: application/zip; name=a.zip\nContent-Transfer-Encoding: ${encoding}\n\n${data}\n--k.:--\n`
        const { contents } = readMail(mail.replaceAll('\n', end))
        const isFile = (content: Buffer) => /^(?:MZ)?the content/.test(content.toString('latin1'))
        t.ok(contents.some(isFile), `${front}, ${encoding}`)
      }
})
