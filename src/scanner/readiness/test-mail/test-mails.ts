import { EICAR } from '../../scan/scanners/eicar/eicar.ts'
import {
  base64Lines,
  cleanMessage,
  eicarPart,
  eicarZip,
  multipart,
  TEST_HEADER,
  textPart,
} from './eicar-message.ts'

/** A kind of mail that `onescan check --mail` sends to a server which the user names, with lines of 7 bits. */
export interface TestMail {
  readonly name: string
  readonly message: Buffer
  /** Its lines that contain the test file; none in a clean message. */
  readonly malware: readonly string[]
}

const PLAIN = 'Content-Type: text/plain'
const FILE = 'Content-Type: application/octet-stream; name=eicar.com'
const ZIP = 'Content-Type: application/zip; name=eicar.zip'

/** Returns base64 in groups that each end with padding: decoders of mail programs continue after it. */
const inPieces = (text: string) =>
  (text.match(/.{1,20}/g) ?? []).flatMap((piece) => base64Lines(Buffer.from(piece, 'latin1')))

/** RFC 2046 5.1.1 requires readers to ignore text at this position. */
const behindTheEnd = ([letter = '', ...rest]: readonly string[]) =>
  `${multipart([letter])}${rest.join('\n')}\n--part\n`

const inBase64 = (fields: readonly string[], lines: readonly string[]) =>
  [...fields, 'Content-Transfer-Encoding: base64', '', ...lines].join('\n')

/** A mail with a letter and one more part. */
function withPart(
  name: string,
  part: string,
  malware: readonly string[],
  layout = multipart,
): TestMail {
  const letter = textPart(`${name}: a harmless test file, as onescan check sends it.`)
  return mailOf(name, layout([letter, part]), malware)
}

const mailOf = (name: string, content: string, malware: readonly string[]): TestMail => {
  return { name, message: Buffer.from(`${TEST_HEADER}${content}`, 'latin1'), malware }
}

const eicar = base64Lines(Buffer.from(EICAR, 'latin1'))
const pieces = inPieces(EICAR)
const wide = base64Lines(Buffer.from(EICAR, 'utf16le'))
const zip = base64Lines(eicarZip)

/**
 * Mail with the EICAR test file: four of them hide it in ways that mail programs undo, and clamd 1.4 by itself
 * does not.
 */
const infectedMails: readonly TestMail[] = [
  mailOf('EICAR in the body', textPart(`${EICAR}\n`), [EICAR]),
  withPart('EICAR attached', eicarPart('eicar.com'), eicar),
  withPart('EICAR in a zip', inBase64([ZIP], zip), zip),
  withPart(
    'hidden as form-data',
    inBase64([`${PLAIN}; name=a.zip`, 'Content-Disposition: form-data; filename=a.zip'], zip),
    zip,
  ),
  withPart('hidden in pieces', inBase64([FILE], pieces), pieces),
  withPart('hidden in UTF-16', inBase64([`${PLAIN}; charset=utf-16le; name=a.txt`], wide), wide),
  withPart('hidden behind the end', inBase64([ZIP], zip), zip, behindTheEnd),
]

/** All messages, in order: a server that refuses all mail near the end does not accept the last one. */
export const testMails: readonly TestMail[] = [
  { name: 'clean mail', message: cleanMessage, malware: [] },
  ...infectedMails,
  { name: 'clean mail, the last', message: cleanMessage, malware: [] },
]
