import { EICAR } from './eicar-file.ts'

const HEADER = `From: onescan check <postmaster@localhost>
To: postmaster@localhost
Subject: onescan check
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <check@onescan.invalid>
MIME-Version: 1.0
`

/** A message in which no scanner finds anything. */
export const cleanMessage: Buffer = Buffer.from(
  `${HEADER}Content-Type: text/plain\n\nNothing here.\n`,
)

/** The EICAR test file as an attachment, which each scanner of mail must find. */
export const eicarMessage: Buffer = Buffer.from(`${eicarPart()}\n--part--\n`)

const FILLER = Buffer.from(`${'onescan check '.repeat(5)}\n`.repeat(1000))

/** eicarMessage, followed by a long text: about `size` bytes in all. */
export function* largeEicarMessage(size: number): Generator<Buffer> {
  yield Buffer.from(`${eicarPart()}\n--part\nContent-Type: text/plain\n\n`)
  for (let left = size - eicarMessage.length - 64; left > 0; left -= FILLER.length) {
    yield FILLER.subarray(0, Math.min(left, FILLER.length))
  }
  yield Buffer.from('\n--part--\n')
}

function eicarPart(): string {
  return `${HEADER}Content-Type: multipart/mixed; boundary=part

--part
Content-Type: text/plain

The attachment is the harmless test file of eicar.org.
--part
Content-Type: application/octet-stream; name=eicar.com
Content-Disposition: attachment; filename=eicar.com
Content-Transfer-Encoding: base64

${Buffer.from(EICAR).toString('base64').replace(/.{76}/g, '$&\n')}`
}
