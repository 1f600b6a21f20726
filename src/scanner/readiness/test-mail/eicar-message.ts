import { deflateRawSync } from 'node:zlib'
import { Bytes } from '../../../mail/message/bytes.ts'
import { EICAR } from '../../scan/scanners/eicar/eicar.ts'

/** The header of test mail, without the fields about its content. */
export const TEST_HEADER = `From: onescan check <postmaster@localhost>
To: postmaster@localhost
Subject: onescan check
Date: Thu, 01 Jan 2026 00:00:00 +0000
Message-ID: <check@onescan.invalid>
MIME-Version: 1.0
`

/**
 * A message in which no scanner finds anything, as long as ordinary mail: a site may refuse what is smaller.
 */
export const cleanMessage: Buffer = Buffer.from(
  `${TEST_HEADER}Content-Type: text/plain\n\n${'Nothing here.\n'.repeat(1200)}`,
)

const LETTER = 'The attachment is the harmless test file of eicar.org.'

/** The EICAR test file as an attachment, which each scanner of mail must find. */
export const eicarMessage: Buffer = Buffer.from(
  `${beginWithEicar(TEST_HEADER, LETTER, 'eicar.com')}--part--\n`,
)

/** The EICAR test file in a zip archive, compressed, so that only who opens it finds it: APPNOTE.TXT 4.3. */
export const eicarZip: Buffer = zipOf(Buffer.from('eicar.com'), Buffer.from(EICAR), 0x6851cf3c)

/**
 * Returns a zip archive with one file, whose CRC-32 is given. With `isEncrypted` it is marked as encrypted,
 * and cannot be decrypted.
 */
export function zipOf(
  name: Buffer,
  text: Buffer,
  checksum: number,
  { isEncrypted = false } = {},
): Buffer {
  const data = deflateRawSync(text)
  const about = Buffer.alloc(26)
  about.writeUInt16LE(20) // the version that is needed
  about.writeUInt16LE(isEncrypted ? 1 : 0, 2)
  about.writeUInt16LE(8, 4) // deflate
  about.writeUInt16LE(0x21, 8) // 1980-01-01
  about.writeUInt32LE(checksum, 10)
  about.writeUInt32LE(data.length, 14)
  about.writeUInt32LE(text.length, 18)
  about.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), about, name, data])
  const central = Buffer.concat([
    ...[Buffer.from('PK\x01\x02'), Buffer.of(20, 0), about, Buffer.alloc(14), name],
  ])
  const end = Buffer.alloc(18)
  end.writeUInt16LE(1, 4)
  end.writeUInt16LE(1, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(local.length, 12)
  return Buffer.concat([local, central, Buffer.from('PK\x05\x06'), end])
}

const FILLER = Buffer.from(`${'onescan check '.repeat(5)}\n`.repeat(1000))

/** eicarMessage, followed by a long text: about `size` bytes in all. */
export function largeEicarMessage(size: number): Bytes {
  const left = Math.max(0, size - eicarMessage.length - 64)
  return Bytes.of(
    Buffer.from(
      `${beginWithEicar(TEST_HEADER, LETTER, 'eicar.com')}--part\nContent-Type: text/plain\n\n`,
    ),
    ...Array<Buffer>(Math.floor(left / FILLER.length)).fill(FILLER),
    FILLER.subarray(0, left % FILLER.length),
    Buffer.from('\n--part--\n'),
  )
}

/** A multipart up to its next delimiter `--part`: its header, a text, and the EICAR test file by this name. */
export function beginWithEicar(header: string, text: string, name: string): string {
  return `${header}Content-Type: multipart/mixed; boundary=part

--part
Content-Type: text/plain

${text}
--part
Content-Type: application/octet-stream; name=${name}
Content-Disposition: attachment; filename=${name}
Content-Transfer-Encoding: base64

${Buffer.from(EICAR).toString('base64').replace(/.{76}/g, '$&\n')}
`
}
