import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import { readClamdAddress } from '../../../../src/scan/scanners/clamd/clamd-address.ts'
import { socketCreatedAt } from '../../../../src/scan/scanners/clamd/versions.ts'
import { EICAR } from '../../../../src/scan/scanners/eicar/eicar.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { createRandom, type Random } from '../../../run/random.ts'
import { extractingAll, judgeMessage } from '../evasions/judge-message.ts'
import { everyForm } from './every-form.ts'

const MAILS = isWhole ? 5_000 : 300
const SEED = 82

/** What is hidden. Each is found by its hash alone, and HTML as HTML alone: a scan must get exactly these bytes. */
const texts = [
  'Dear all,\nsee = you, \xe9t\xe9.\n',
  'one line\n',
  `${'word '.repeat(15)}\nend\n`,
  '-- \nblanks\t\nat ends  \n',
]
const pages = [
  '<html><body>\n<p id="x=y">Click Here</p></body></html>\n',
  '<html>\n<a href=z>go</a></html>\n',
]
const files = [
  `MZ\0\x01\xff${'abc\r\n'.repeat(40)}`,
  '%PDF-1.4\nnothing',
  '\x7fELF\0\n\r',
  `#!/bin/sh\n${'x\n'.repeat(30)}`,
]

const md5 = (content: string) =>
  createHash('md5').update(Buffer.from(content, 'latin1')).digest('hex')
const crlf = (content: string) => content.replaceAll('\n', '\r\n')
const database = {
  'x.hdb': [...texts, ...texts.map(crlf), ...files]
    .map((content, number) => `${md5(content)}:${content.length}:Hash${number}\n`)
    .join(''),
  'x.ldb': pages
    .map((_, number) => {
      const word = Buffer.from(['click here', 'href="z"'][number]!).toString('hex')
      return `Page${number};Engine:51-255,Target:3;0;${word}\n`
    })
    .join(''),
}

/** A message with one of these in it, in the ways in which mail programs write mail, and in some that they do not. */
function randomMail(random: Random): string {
  const pick = <T>(...choices: readonly T[]) => choices[random.below(choices.length)]!
  const maybe = (text: string, oneIn = 3) => (random.below(oneIn) === 0 ? text : '')
  // Three of four messages are written as mail programs do.
  const isOdd = random.once(4)
  const mostly = <T>(usual: readonly T[], odd: readonly T[]) =>
    pick(...usual, ...(isOdd ? odd : []))
  const kind = pick('text', 'page', 'file')
  const hidden =
    kind === 'text' ? pick(...texts) : kind === 'page' ? pick(...pages) : pick(...files)

  const encoded = (content: string, encoding: string): string => {
    if (encoding === 'base64') {
      const width = mostly([76, 72, 60, 64], [1000, 4])
      const bytes = Buffer.from(
        kind !== 'file' && pick(true, false) ? crlf(content) : content,
        'latin1',
      )
      return `${bytes.toString('base64').replace(new RegExp(`.{${width}}(?=.)`, 'g'), '$&\n')}\n`
    }
    if (encoding !== 'quoted-printable') return content
    const lines = content.replace(/[^\n !-<>-~]|[=%]/g, (character) => {
      const code = character.charCodeAt(0).toString(16)
      return `=${(pick(true, true, false) ? code.toUpperCase() : code).padStart(2, '0')}`
    })
    return lines.replace(/(.{60,70}[^=]{3})(?=.)/g, '$1=\n')
  }
  const spelled = (word: string) =>
    pick(word, word, word.toUpperCase(), word[0]!.toUpperCase() + word.slice(1))
  const part = (type: string, encoding: string, content: string, isFile: boolean): string => {
    const name = isFile
      ? pick(
          '; name=a.bin',
          '; name="a b.bin"',
          ";\n name*=utf-8''a%20b",
          '; name="=?utf-8?b?YQ==?="',
        )
      : ''
    const charset = isFile
      ? ''
      : pick('', '; charset=utf-8', '; charset="iso-8859-1"', '; charset=us-ascii; format=flowed')
    const disposition = isFile
      ? pick(
          '',
          'Content-Disposition: attachment\n',
          'Content-Disposition: attachment;\n\tfilename="a.bin"\n',
          'Content-Disposition: inline; filename=a.bin\n',
        )
      : maybe('Content-Disposition: inline\n')
    const fields = [
      `${spelled('Content-Type')}: ${type}${charset}${name}${isOdd ? maybe(' ', 4) : ''}\n`,
      encoding === ''
        ? ''
        : `Content-Transfer-Encoding: ${spelled(encoding)}${isOdd ? maybe(' ', 4) : ''}\n`,
      disposition,
      maybe('Content-ID: <a@b>\n'),
      maybe('Content-Description: a thing\n', 6),
    ]
    if (pick(true, false)) fields.reverse()
    return `${fields.join('')}\n${encoded(content, encoding)}${maybe('\n', 6)}`
  }
  const types = {
    text: 'text/plain',
    page: 'text/html',
    file: mostly(
      ['application/octet-stream', 'application/pdf', 'image/png', 'audio/x-wav'],
      ['text/csv', 'font/woff'],
    ),
  }
  const encoding =
    kind === 'file'
      ? mostly(['base64'], ['quoted-printable'])
      : pick('', '7bit', '8bit', 'quoted-printable', 'base64')
  let entity = part(types[kind], encoding, hidden, kind === 'file')
  const depth = mostly([0, 1, 1, 2, 2, 3], [4, 5])
  for (let level = 0; level < depth; level++) {
    const boundary = pick(
      `b${level}`,
      `----=_Part_${level}`,
      `=_${level}`,
      `'${level}x'`,
      `b b${level}`,
    )
    const quoted = pick(true, true, false) || /[ =']/.test(boundary) ? `"${boundary}"` : boundary
    const other = () =>
      mostly(
        [
          'Content-Type: text/plain\n\nhello\n',
          'Content-Type: text/plain\n\nFrom here\n',
          'Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n<b>hello</b>\n',
          'Content-Type: image/gif\nContent-Transfer-Encoding: base64\n\nR0lGODlh\n',
        ],
        [
          '\nno header\n',
          'Content-Type: message/rfc822\n\nSubject: inside\n\nbody\n',
          'Content-Type: text/plain\n\nbegin 644 x\n#86)C\n`\nend\n',
          'Content-Type: text/plain\n\nContent of it\n',
        ],
      )
    const entities = [...Array(random.below(3)).keys()].map(other)
    entities.splice(random.below(entities.length + 1), 0, entity)
    const line = `--${boundary}${isOdd ? maybe(' ', 6) : ''}\n`
    const ends = entities.map((each) => (each.endsWith('\n') ? each : `${each}\n`))
    const type = mostly(
      ['mixed', 'mixed', 'alternative', 'related'],
      ['report', 'signed', 'parallel', 'x-other'],
    )
    entity =
      `Content-Type: multipart/${type};${pick(' ', '\n ', '\n\t')}boundary=${quoted}\n\n` +
      `${maybe('This is a mail in several parts.\n')}${line}${ends.join(line)}` +
      `${mostly([`--${boundary}--\n`, `--${boundary}--`], [''])}${maybe('\nepilogue\n', 5)}`
  }
  const header = [
    'From: a@example.org',
    ...(isOdd && maybe('x', 6) ? ['X-Long: '.padEnd(1_100, 'y')] : []),
    'Subject: hello',
    'MIME-Version: 1.0',
    ...(maybe('x', 8) ? ['Received: from a by b;\n\tnow'] : []),
  ]
  const mail = `${header.join('\n')}\n${entity}`
  return pick(mail, crlf(mail))
}

/** Whether a part of the mail has a form. */
function hasForm(mail: Buffer): boolean {
  const options = { createHash, seeksForms: true, openFile: () => openAnonymousFile(tmpdir()) }
  for (const step of contentsOf(Bytes.of(mail), options)) {
    if (step.kind === 'content' && step.form) return true
  }
  return false
}

t.test(
  'findings in single parts are also found if ordinary parts are scanned with the whole message',
  {
    skip: clamdMissing,
  },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true, database })
    const extracted = await extractingAll(clamd.socket)
    const random = createRandom(SEED)
    let found = 0
    let left = 0
    for (let count = 0; count < MAILS; count++) {
      const mail = randomMail(random)
      const message = Buffer.from(mail, 'latin1')
      if (!(await judgeMessage(clamd.socket, message)).isFound) continue
      found++
      if (hasForm(message)) left++
      const { isFound } = await judgeMessage(clamd.socket, message, extracted)
      if (!isFound) t.fail(`mail ${count}`, { mail })
    }
    t.ok(found > MAILS / 3, `${found} of ${MAILS}`)
    t.ok(extracted.omitted >= left, `${extracted.omitted} parts were omitted`)
    t.ok(left > found / 5, `${left} of them have a part that may be left`)
  },
)

t.test(
  'a clamd that was restarted with other settings is asked about each part at once',
  { skip: clamdMissing },
  async (t) => {
    const socket = `${socketDirectory(t)}/clamd`
    const encoded = Buffer.from(EICAR).toString('base64')
    const mail = Buffer.from(
      `From: a\nContent-Type: application/x; name=a\nContent-Transfer-Encoding: base64\n\n${encoded}\n`,
    )
    const extracted = await extractingAll(socket)
    const know = (made: number | undefined) => {
      extracted.record({ kind: 'extracts', server: socket, made, forms: everyForm })
    }
    const first = await startClamd(t, { alertExceedsMax: true, socket })
    const made = await socketCreatedAt(readClamdAddress(socket))
    know(made)
    t.match(await judgeMessage(socket, mail, extracted), { isFound: true })
    await first.stop()
    await startClamd(t, { alertExceedsMax: true, socket, scanMail: false })
    know(made) // the first process has not noticed the restart
    t.match(await judgeMessage(socket, mail, extracted), { isFound: true })
  },
)
