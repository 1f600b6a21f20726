import { EICAR } from '../../src/scanner/scan/scanners/eicar/eicar.ts'
import {
  BASE64,
  base64,
  delimited,
  multipart,
  part,
} from '../../test/scanner/scan/scanners/evasions/compose.ts'

/** The EICAR test file in base64, put together here: no file of the project holds it whole. */
const attachment = part(
  [
    'Content-Type: application/octet-stream; name="eicar.com"',
    'Content-Disposition: attachment; filename="eicar.com"',
    BASE64,
  ],
  base64(Buffer.from(EICAR)),
)

const text = part(
  ['Content-Type: text/plain; charset=us-ascii'],
  'Please open the attached invoice.\n',
)

export function infectedMail(): Buffer {
  return Buffer.from(`Date: Mon, 13 Oct 2025 06:30:00 +0000
From: billing@example.com
To: ben@example.org
Subject: Your invoice
Message-ID: <20251013063000.11@example.com>
MIME-Version: 1.0
${multipart('mixed', [text, attachment], { boundary: 'invoice' })}`)
}

/** A multipart message with its header as it is, and the test file for its only part. */
export function infectWithin(message: Buffer): Buffer {
  const mail = message.toString('latin1')
  const header = mail.slice(0, mail.indexOf('\n\n') + 2)
  const boundary = /boundary="([^"]+)"/.exec(header)?.[1]
  if (boundary === undefined) throw new Error('a message without a boundary takes no attachment')
  return Buffer.from(header + delimited([attachment], boundary), 'latin1')
}
