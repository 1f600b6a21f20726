import { EICAR } from '../../../scan/scanners/eicar/eicar.ts'

/** A message that scanners must call clean, and one in which they must find a virus. */
export interface TrialMessages {
  readonly clean: Buffer
  readonly eicar: Buffer
}

/** The sizes of messages that are scanned, in bytes. */
export interface SizeBounds {
  readonly least: number
  readonly most: number
}

/** Bytes of the clean message, if so many are allowed: doors keep such a message in a file. */
const LARGE = 256 * 1024

const HEADER = `From: onescand <postmaster@localhost>
To: postmaster@localhost
Subject: onescand looks whether it scans
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <health@onescan.invalid>
MIME-Version: 1.0
`

/** Makes both messages. They differ by `number`, because a known message would not be scanned. */
export function makeTrialMail(number: number, { least, most }: SizeBounds): TrialMessages {
  const text = `${HEADER}Content-Type: text/plain\n\nNothing here at ${number}.\n`
  const clean = text + linesOf(Math.min(LARGE, most) - text.length)
  // A name that no site bans.
  const eicar = `${HEADER}Content-Type: multipart/mixed; boundary=part

--part
Content-Type: text/plain

At ${number}.
--part
Content-Type: application/octet-stream; name=eicar.txt
Content-Disposition: attachment; filename=eicar.txt
Content-Transfer-Encoding: base64

${Buffer.from(EICAR).toString('base64').replace(/.{76}/g, '$&\n')}
--part--
`
  const padded = eicar.replace(`At ${number}.\n`, (line) => line + linesOf(least - eicar.length))
  return { clean: Buffer.from(clean), eicar: Buffer.from(padded) }
}

const LINE = 'A line of a message that nobody sent, to be as long as real ones.\n'

/** Returns at most so many bytes of text, in lines. */
function linesOf(bytes: number): string {
  return LINE.repeat(Math.max(0, Math.floor(bytes / LINE.length)))
}
