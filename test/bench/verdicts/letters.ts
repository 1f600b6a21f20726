import { randomBytes } from 'node:crypto'
import { crc32, deflateRawSync } from 'node:zlib'

/** A message, and copies of it as a newsletter's are. */

export function copyOf(letter: Buffer, n: number): Buffer {
  const own =
    `Received: from host${n}.example.org by mx.example.net; Fri, 20 Nov 2026 10:00:00 +0000\n` +
    `Date: Fri, 20 Nov 2026 10:00:${String(n % 60).padStart(2, '0')} +0000\n` +
    `To: <${n}@example.net>\nMessage-ID: <${n}@example.org>\n`
  return Buffer.concat([Buffer.from(own), letter])
}

/** 4 KB of text, as it stands in a newsletter; what is put behind makes it another one. */
export function smallText(): Buffer {
  const lines = 'What is new this month, and what was new in the last one, in a few lines.\n'
  return Buffer.from(
    `From: news@example.org\nSubject: news\nMIME-Version: 1.0\nContent-Type: text/plain\n\n` +
      lines.repeat(53),
  )
}

/** Some 300 KB, with a zip that takes a scanner a while: of several files that it must unpack. */
export function zipLetter(): Buffer {
  const boundary = 'a-boundary'
  const zip = zipOf(24, 1_000_000).toString('base64').replace(/.{76}/g, '$&\n')
  return Buffer.from(
    `From: news@example.org\nSubject: news\nMIME-Version: 1.0\n` +
      `Content-Type: multipart/mixed; boundary="${boundary}"\n\n--${boundary}\n` +
      `Content-Type: text/plain\n\nSee the attachment.\n--${boundary}\n` +
      'Content-Type: application/zip; name="news.zip"\nContent-Transfer-Encoding: base64\n' +
      `Content-Disposition: attachment; filename="news.zip"\n\n${zip}\n--${boundary}--\n`,
  )
}

/** So many files of so many bytes, which are compressed to some 6 to 9 KB each. */
function zipOf(count: number, bytes: number): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let at = 0
  for (let n = 0; n < count; n++) {
    const name = Buffer.from(`file${n}.txt`)
    const content = textOf(bytes)
    const packed = deflateRawSync(content)
    const head = Buffer.alloc(26)
    head.writeUInt16LE(20, 0)
    head.writeUInt16LE(8, 4)
    head.writeUInt32LE(crc32(content), 10)
    head.writeUInt32LE(packed.length, 14)
    head.writeUInt32LE(content.length, 18)
    head.writeUInt16LE(name.length, 22)
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), head, name, packed)
    const tail = Buffer.alloc(16)
    tail.writeUInt32LE(at, 12)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), head, tail.subarray(2), name)
    at += 30 + name.length + packed.length
  }
  const all = Buffer.concat(directory)
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(count, 8)
  end.writeUInt16LE(count, 10)
  end.writeUInt32LE(all.length, 12)
  end.writeUInt32LE(at, 16)
  return Buffer.concat([...parts, all, end])
}

/** Words of a small vocabulary, in blocks that come again. */
function textOf(bytes: number): Buffer {
  const block = randomBytes(4_200).toString('base64')
  return Buffer.from(block.repeat(Math.ceil(bytes / block.length)).slice(0, bytes))
}
