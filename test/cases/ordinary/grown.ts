import { base64, quotedPrintableText } from '../../scan/scanners/evasions/compose.ts'
import { keptMail } from './kept.ts'

/**
 * Mails that repeat themselves, of which one round is kept: each by what it is, made when it is asked for.
 * The shapes are those of the programs that they name, and the digests came from Mailman 3.3.8, its list
 * and its templates stood in for.
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
  'a text with the sources of eight mails': () => repeated('pasted-sources', /Received: .*/s, 4),
  'a newsletter of 20 KB with sixty links': () => {
    const one = keptMail('newsletter')
    const [html = ''] = /<html>.*?(?=\n--)/s.exec(one) ?? []
    const rows = again(quotedPrintableDecoded(html), /<tr>.*?<\/tr>/s, 60)
    return one.replace(html, () => quotedPrintableText(Buffer.from(rows, 'latin1')))
  },
}

/** The mails of an mbox, which stand in the last part. */
const LETTERS = /From anna@.*(?=\n--=_mboxt--)/s

/** The mail that a kept one forwards, as it is itself. */
const INNERMOST = /Date: (?:(?!\nDate: ).)*--=_alt00--\n/s

/** A mail that was forwarded so many times. `level` stands in the boundaries of each forward. */
function nested(name: string, times: number): string {
  const [before = '', after = ''] = keptMail(name).split(INNERMOST)
  let mail = INNERMOST.exec(keptMail(name))![0]
  for (let level = 1; level <= times; level++) {
    const at = (text: string) => text.replaceAll('level', String(level))
    mail = `${at(before)}${mail}${at(after)}`
  }
  return mail
}

function repeated(name: string, piece: RegExp, times: number): string {
  return again(keptMail(name), piece, times)
}

/** The text with a piece so many times. 4711 stands for what differs each time. */
function again(text: string, piece: RegExp, times: number): string {
  return text.replace(piece, (round) =>
    Array.from({ length: times }, (_, n) => round.replaceAll('4711', String(100 + n))).join(''),
  )
}

function quotedPrintableDecoded(text: string): string {
  return text
    .replaceAll('=\n', '')
    .replace(/=([\dA-F]{2})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 16)))
}
