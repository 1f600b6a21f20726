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
