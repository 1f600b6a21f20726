import iconv from 'iconv-lite'
import { base64 } from '../../scanner/scan/scanners/evasions/compose.ts'
import { keptMail } from './kept.ts'

/**
 * Messages that repeat themselves, of which one round is kept, and messages that differ from a kept one in a few
 * words: each by what it is, made when it is asked for. The shapes are those of the programs that they name,
 * and the digests came from Mailman 3.3.8, its list and its templates stood in for.
 */
export const grown: Readonly<Record<string, () => string>> = {
  'a forward of a forward by Thunderbird, twelve times, each with HTML': () =>
    nested('forward-thunderbird', 12),
  'six forwards in windows-1252 by Outlook': () => nested('forward-outlook', 6),
  'eight forwards inside the HTML of Apple Mail': () => nested('forward-apple', 8),
  'twelve attached mails in one another, without a text': () => nested('forward-alone', 12),

  'a plain digest of 32 mails': () => repeated('digest-plain', /Message: 1.*?(?=Subject: D)/s, 8),
  'a MIME digest of 16 mails': () => repeated('digest-mime', /--(=+90\d+==)\n.*(?=--\1--)/s, 4),

  'an mbox of 20 mails as text': () => repeated('mbox', LETTERS, 10),
  'an mbox of 20 mails in base64': () =>
    repeated('mbox', LETTERS, 10)
      .replace('text/plain; name', 'application/mbox; name')
      .replace('filename="letters"', '$&\nContent-Transfer-Encoding: base64')
      .replace(LETTERS, (letters) => `${base64(Buffer.from(letters, 'latin1'))}\n`),
  'an mbox of eight texts in base64': lettersInBase64,
  'a mail that begins with the quoted line of an mbox': () => `>${keptMail('from-line')}`,
  'an attached mail of HTML that begins with the quoted line of an mbox': () =>
    keptMail('from-line-attached')
      .replace('\nFrom anna', '\n>From anna')
      .replace('plain; c', 'html; c'),
  'a mail as Thunderbird keeps it in a folder': () =>
    keptMail('from-line').replace(/.*/, `From - Mon Oct  6 09:12:00 2025\n${KEPT_IN_FOLDER}`),
  'an .emlx in base64': () =>
    keptMail('emlx-attached-7bit')
      .replace('text/plain;\n', 'application/octet-stream;\n\tx-unix-mode=0600;\n')
      .replace(/7bit\n\n(\d.*)(?=\n--Apple)/s, (_, file) => {
        return `base64\n\n${base64(Buffer.from(file, 'latin1'))}`
      }),
  'a text with the sources of eight mails': () => repeated('pasted-sources', /Received: .*/s, 4),
  'a newsletter of 20 KB with sixty links': () =>
    withBodies(keptMail('newsletter'), (body) => again(body, /<tr>.*?<\/tr>/s, 60)),
  'a newsletter whose character set is cut at another place': () => newsletterBehind(7),
  'a newsletter whose character set is cut at a third place': () => newsletterBehind(13),

  // As Exchange.
  ...namedFor('HTML that declares # across a soft line break', htmlInCharset, {
    'ISO-8859-1':
      'Grüße aus Köln, Preis 12,50 je Stück. Bitte prüfen Sie die Übersicht bis Freitag.',
    'windows-1252': 'Grüße – „wie besprochen“ kostet es 12 € je Stück…',
    'UTF-8': 'Grüße – „wie besprochen“ kostet es 12 € je Stück, 日本語も、Кириллица тоже.',
    GB2312: '您好，请查收附件中的报表，如有问题请与我们联系。谢谢。',
    'KOI8-R': 'Здравствуйте, высылаем вам отчёт за октябрь.',
  }),
  ...namedFor('a text in "#"', textInCharset, {
    latin1: 'Schöne Grüße',
    'ISO_8859-1': 'Schöne Grüße',
    utf8: 'Schöne Grüße',
    'ANSI_X3.4-1968': 'Greetings',
    cp1252: 'Schöne Grüße',
    'x-sjis': 'お世話になっております。',
    'ks_c_5601-1987': '안녕하세요. 보고서를 보냅니다.',
    'unicode-1-1-utf-7': 'Schöne Grüße',
  }),
}

/** The messages of an mbox, which stand in the last part. */
const LETTERS = /From anna@.*(?=\n--=_mbox\w--)/s

/** The fields of Thunderbird that stay in a folder, the last one with room for what is added later. */
const KEPT_IN_FOLDER = `X-Mozilla-Status: 0001\nX-Mozilla-Status2: 00800000\nX-Mozilla-Keys: ${' '.repeat(80)}`

/** The mail that a kept one forwards, as it is itself. */
const INNERMOST = /Date: (?:(?!\nDate: ).)*--=_alt00--\n/s

/** A message that was forwarded this many times. `level` is in the boundaries of each forward. */
function nested(name: string, times: number): string {
  const [before = '', after = ''] = keptMail(name).split(INNERMOST)
  let mail = INNERMOST.exec(keptMail(name))![0]
  for (let level = 1; level <= times; level++) {
    const at = (text: string) => text.replaceAll('level', String(level).padStart(2, '0'))
    mail = `${at(before)}${mail}${at(after)}`
  }
  return mail
}

function repeated(name: string, piece: RegExp, times: number): string {
  return again(keptMail(name), piece, times)
}

/** Eight letters, each with its number in its text. */
function lettersInBase64(): string {
  let number = 0
  return repeated('mbox-base64-texts', LETTERS, 8).replace(/(?<=base64\n\n).+\n.+/g, (body) => {
    const text = Buffer.from(body, 'base64').toString().replaceAll('0', String(number++))
    return base64(Buffer.from(text))
  })
}

/** The text with a piece this many times. 4711 stands for what differs each time. */
function again(text: string, piece: RegExp, times: number): string {
  return text.replace(piece, (round) =>
    Array.from({ length: times }, (_, n) => round.replaceAll('4711', String(100 + n))).join(''),
  )
}

function newsletterBehind(blanks: number): string {
  const change = (body: string) => body.replace('<head>', `$&${' '.repeat(blanks)}`)
  return withBodies(keptMail('newsletter-cut-0'), change)
}

/** Makes messages of which the `#` of a name is a character set, each with its text. */
function namedFor(
  name: string,
  make: (charset: string, text: string) => string,
  texts: Readonly<Record<string, string>>,
): Record<string, () => string> {
  const mails = Object.entries(texts).map(([charset, text]) => {
    return [name.replace('#', charset), () => make(charset, text)]
  })
  return Object.fromEntries(mails)
}

/** The kept mail in ISO-2022-JP in another character set. */
function htmlInCharset(name: string, text: string): string {
  const charset = name.toLowerCase()
  const bytes = iconv.encode(text, charset).toString('latin1')
  const mail = keptMail('html-meta-iso-2022-jp').replaceAll('"iso-2022-jp"', `"${charset}"`)
  return withBodies(mail, (body) =>
    body.replace('iso-2022-jp', charset).replace(/\x1b\$B.*\x1b\(B/, () => bytes),
  )
}

/** A text by the name that some programs have for its character set. */
function textInCharset(charset: string, text: string): string {
  const known = charset.replace('x-sjis', 'shift_jis').replace('unicode-1-1-', '')
  const top = keptMail('plain-8bit')
  const bytes = iconv.encode(text, known).toString('latin1')
  return `${top.replace('utf-8', charset)}${bytes}\n`
}

/** The mail with each body in quoted-printable changed, and encoded again in lines of 76 characters. */
function withBodies(mail: string, change: (body: string) => string): string {
  return mail.replace(/(?<=: quoted-printable\n\n).*?(?=\n--)/gs, (body) => {
    const text = body
      .replaceAll('=\n', '')
      .replace(/=([\dA-F]{2})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))
    const lines = change(text)
      .split('\n')
      .map((line) => {
        const escaped = line.replace(/[=\x1b\x80-\xff]/g, (character) => escapeOf(character))
        return escaped.length <= 76 ? escaped : escaped.match(/.{1,75}(?<!=|=.)/g)!.join('=\n')
      })
    return lines.join('\n')
  })
}

const escapeOf = (character: string) =>
  `=${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
