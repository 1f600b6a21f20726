import { randomUUID } from 'node:crypto'
import { type Finding, failure } from '../../../lib/errors/finding.ts'
import { OF_CHECK } from '../../../log/log-lines.ts'
import { cleanMessage, eicarZip, TRIAL_HEADER } from '../../../readiness/eicar-message.ts'
import { EICAR } from '../../../scan/scanners/shared/eicar.ts'

/** A kind of mail that `onescan check --mail` sends to a server which the user names. */
export interface TrialKind {
  /** Its name for programs. */
  readonly kind: string
  readonly name: string
  /** In the form of a file, with lines of 7 bits. */
  readonly message: Buffer
  /** The lines of it that carry the test file; none in a clean mail. */
  readonly malware: readonly string[]
}

/** A message with names of its own, by which it is found again. */
export interface NamedMail {
  /** Its Message-ID, without brackets. */
  readonly id: string
  readonly subject: string
  readonly message: Buffer
}

/** Whether mail can be sent to it: no option of sendmail(8), and no more than a word of SMTP. */
export const isAddress = (address: string): boolean =>
  /^[!-,./-;=?-~][!-;=?-~]*@[!-;=?-~]+$/.test(address)

export const notAnAddress = (address: string): Finding =>
  failure('--mail', `${address}: is not an address`, 'give it as user@example.org')

/** Gives a message to `address` an id, a subject and a date of its own. */
export function nameMail(message: Buffer, address: string): NamedMail {
  const name = randomUUID()
  const [subject, id] = [`onescan check ${name.slice(0, 8)}`, `${name}${OF_CHECK}`]
  const text = message
    .toString('latin1')
    // Sendmail puts the host's name for localhost, which breaks a stamp: that of a release, too.
    .replace(/^From: .*$/m, `From: onescan check <postmaster${OF_CHECK}>`)
    .replace(/^To: .*$/m, () => `To: ${address}`)
    .replace(/^Subject: .*$/m, `Subject: ${subject}`)
    .replace(/^Message-ID: .*$/m, `Message-ID: <${id}>`)
    .replace(/^Date: .*$/m, `Date: ${new Date().toUTCString().replace('GMT', '+0000')}`)
  return { id, subject, message: Buffer.from(text, 'latin1') }
}

const PLAIN = 'Content-Type: text/plain'
const BASE64 = 'Content-Transfer-Encoding: base64'

const base64Lines = (file: Buffer) => file.toString('base64').match(/.{1,76}/g) ?? []
/** In groups that each end with padding: decoders of mail programs go on behind it. */
const inPieces = (text: string) =>
  (text.match(/.{1,20}/g) ?? []).flatMap((piece) => base64Lines(Buffer.from(piece, 'latin1')))

const within = (letter: string, part: string) => `--part\n${letter}\n--part\n${part}\n--part--\n`
/** RFC 2046 5.1.1 has readers leave out what stands there. */
const behindTheEnd = (letter: string, part: string) =>
  `--part\n${letter}\n--part--\n${part}\n--part\n`

/** A mail with a letter and one more part, which has these fields. */
function withPart(
  [kind, name]: readonly [string, string],
  fields: readonly string[],
  malware: readonly string[],
  layout = within,
): TrialKind {
  const letter = `${PLAIN}\n\n${name}: a harmless test file, as onescan check sends it.`
  const parts = layout(letter, [...fields, '', ...malware].join('\n'))
  const message = `${TRIAL_HEADER}Content-Type: multipart/mixed; boundary=part\n\n${parts}`
  return { kind, name, message: Buffer.from(message, 'latin1'), malware }
}

const zip = base64Lines(eicarZip)
const ZIP = 'Content-Type: application/zip; name=eicar.zip'
const body: TrialKind = {
  kind: 'eicar-body',
  name: 'EICAR in the body',
  message: Buffer.from(`${TRIAL_HEADER}${PLAIN}\n\n${EICAR}\n`, 'latin1'),
  malware: [EICAR],
}

export const cleanMail: TrialKind = {
  kind: 'clean',
  name: 'clean mail',
  message: cleanMessage,
  malware: [],
}

/**
 * Mail with the EICAR test file: the last four hide it in ways that mail programs undo, and clamd 1.4 by itself
 * does not.
 */
export const infectedMails: readonly TrialKind[] = [
  body,
  withPart(
    ['eicar-attached', 'EICAR attached'],
    ['Content-Type: application/octet-stream; name=eicar.com', BASE64],
    base64Lines(Buffer.from(EICAR, 'latin1')),
  ),
  withPart(['eicar-zip', 'EICAR in a zip'], [ZIP, BASE64], zip),
  withPart(
    ['hidden-form-data', 'zip as form-data'],
    [`${PLAIN}; name=a.zip`, BASE64, 'Content-Disposition: form-data; filename=a.zip'],
    zip,
  ),
  withPart(
    ['hidden-base64', 'base64 in pieces'],
    [`Content-Type: application/octet-stream; name=a.com`, BASE64],
    inPieces(EICAR),
  ),
  withPart(
    ['hidden-charset', 'EICAR in UTF-16'],
    [`${PLAIN}; charset=utf-16le; name=a.txt`, BASE64],
    base64Lines(Buffer.from(EICAR, 'utf16le')),
  ),
  withPart(['hidden-behind', 'zip behind the end'], [ZIP, BASE64], zip, behindTheEnd),
]
