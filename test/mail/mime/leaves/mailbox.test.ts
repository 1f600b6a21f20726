import t from 'tap'
import { base64, multipart, part } from '../../../scanner/scan/scanners/evasions/compose.ts'
import { readMail } from '../read-mail.ts'

/** Files that hold messages one after another (mbox, RFC 4155): each message is read by itself. */

const TYPE = 'Content-Type: application/octet-stream; name=a.bin'
const BASE64 = 'Content-Transfer-Encoding: base64'
const FROM = 'From anna@example.org Mon Oct  6 09:12:00 2025\n'
const fileOf = (n: number) => `the file of mail ${n}`

/** A message with a text and a file. */
function letter(n: number): string {
  return letterWith(n, part([TYPE, BASE64], base64(Buffer.from(fileOf(n)))))
}

function letterWith(n: number, file: string): string {
  const text = part(['Content-Type: text/plain'], `<p>This is mail ${n}.`)
  return `Subject: ${n}\n${multipart('mixed', [text, file], { boundary: `b${n}` })}`
}

const mboxOf = (mails: readonly string[]) => mails.map((mail) => `${FROM}${mail}\n`).join('')
const three = mboxOf([1, 2, 3].map(letter))
const crlf = (text: string) => text.replaceAll('\n', '\r\n')

/** A message that an mbox is attached to, in each way in which programs attach it. */
const attached: Readonly<Record<string, (mbox: string) => string>> = {
  'in base64': (mbox) => part([TYPE, BASE64], base64(Buffer.from(mbox, 'latin1'))),
  'in quoted-printable': (mbox) =>
    part([TYPE, 'Content-Transfer-Encoding: quoted-printable'], mbox.replaceAll('=', '=3D')),
  'as it stands': (mbox) => part(['Content-Type: application/mbox'], mbox),
  'as a text with a name': (mbox) => part(['Content-Type: text/plain; name=mbox'], mbox),
}

for (const [way, attach] of Object.entries(attached)) {
  t.test(`each mail of an attached mbox is read: ${way}`, async (t) => {
    for (const [ends, mail] of [
      ['LF', attach(three)],
      ['CR LF in the mbox', attach(crlf(three))],
      ['CR LF', crlf(attach(three))],
    ] as const) {
      const { texts: contents, over, odd } = readMail(mail)
      t.equal(over, '', ends)
      t.same([...odd], [], ends)
      for (const n of [1, 2, 3]) {
        t.equal(contents.filter((content) => content === fileOf(n)).length, 1, `${ends}, mail ${n}`)
      }
    }
  })
}

t.test('an mbox begins a file of the mail alone, or a file in a message', async (t) => {
  const inMail = `Content-Type: message/rfc822\n\nA: b\n${attached['in base64']!(three)}`
  const found = readMail(inMail).texts
  for (const n of [1, 2, 3]) t.ok(found.includes(fileOf(n)), `mail ${n}`)
})

t.test('a line `From ` in a message begins another message only after an empty line', async (t) => {
  const file = `one\nFrom two\nthree`
  for (const body of [file, file.replace('From', '>From'), file.replace('From', ' From')]) {
    const mbox = mboxOf([`${TYPE}\n\n${body}\n`, letter(2)])
    for (const [ends, mail] of [
      ['LF', attached['in base64']!(mbox)],
      ['CR LF', attached['in base64']!(crlf(mbox))],
    ] as const) {
      const { texts: contents } = readMail(mail)
      const all = ends === 'LF' ? body : crlf(body)
      const isThere = contents.some(
        (content) => content.startsWith(all) && content.trimEnd() === all,
      )
      t.ok(isThere, `${ends}: ${JSON.stringify(body)} is whole`)
      t.ok(contents.includes(fileOf(2)), ends)
    }
  }
})

t.test('a file that does not begin with the line of an mbox is no mailbox', async (t) => {
  // Data below the field of an encoding is found in any text.
  const second = letterWith(2, part([TYPE], fileOf(2)))
  const mbox = mboxOf(['Subject: 1\n\nThis is mail 1.\n', second])
  t.ok(readMail(attached['in base64']!(mbox)).texts.includes(fileOf(2)), 'with that line it is one')
  for (const front of ['x\n\n', '>']) {
    const { texts: contents } = readMail(attached['in base64']!(`${front}${mbox}`))
    t.notOk(contents.includes(fileOf(2)), JSON.stringify(front))
  }
})

t.test('an mbox of 1 MB costs in proportion, and is read to its end', async (t) => {
  const size = 1024 * 1024
  const text = 'a line of an ordinary mail, as long as such lines are, and one more\n'
  const mbox = (bytes: number) => {
    const mails: string[] = []
    for (let at = 0, length = 0; length < bytes; at++) {
      mails.push(`${letter(at)}${text.repeat(40)}`)
      length += mails.at(-1)!.length + FROM.length + 1
    }
    return attached['in base64']!(mboxOf(mails))
  }
  const quarter = readMail(mbox(size / 4))
  const whole = readMail(mbox(size))
  for (const { over, odd } of [quarter, whole]) {
    t.equal(over, '')
    t.same(odd, [])
  }
  t.ok(whole.contents.length > 400)
  t.ok(whole.work < 4.4 * quarter.work, `${quarter.work}, then ${whole.work} units of work`)
  t.ok(whole.work < 24 * size, `${whole.work / size} units for each byte`)
})

/** Data that a line like that of a mailbox divides: programs that read on skip it, or have it in the file. */
const DIVIDED = 'a file, and of its lines\n\nFrom now on the second half'
const inBase64 = (bytes: Buffer) => {
  const [front, behind] = bytes.toString('base64').split('FromFrom')
  return `${front}\n\nFrom From\n${behind}\n`
}
const binary = Buffer.from(`${'YWJj'.repeat(99)}FromFrom${'ZGVm'.repeat(99)}`, 'base64')

t.test('a file that goes on below a line like that of a mailbox is read as a whole', async (t) => {
  const names: Readonly<Record<string, (file: string) => string>> = {
    'an mbox': (file) =>
      part(['Content-Type: application/mbox', BASE64], base64(Buffer.from(file))),
    'an attached message': (file) =>
      part(['Content-Type: message/rfc822', BASE64], base64(Buffer.from(file))),
  }
  const uuencoded = `begin 644 a\n#86)C\n\nFrom 1\n#9&5F\n\`\nend\n`
  const files: readonly (readonly [string, string, Buffer])[] = [
    ['base64', part([TYPE, BASE64], inBase64(binary)), binary],
    ['text', part([TYPE], DIVIDED), Buffer.from(DIVIDED)],
    ['uuencode', part(['Content-Type: text/plain'], uuencoded), Buffer.from('abcdef')],
  ]
  for (const [name, attach] of Object.entries(names)) {
    for (const [kind, file, content] of files) {
      const mbox = mboxOf([letter(1), letterWith(2, file), letter(3)])
      for (const text of [mbox, crlf(mbox)]) {
        const { contents, over } = readMail(attach(text))
        const ends = Buffer.from(crlf(content.toString('latin1')), 'latin1')
        const isThere = contents.some((found) => found.equals(content) || found.equals(ends))
        t.ok(isThere, `${kind} in ${name}, ${text === mbox ? 'LF' : 'CR LF'}`)
        t.equal(over, '')
      }
    }
  }
})
