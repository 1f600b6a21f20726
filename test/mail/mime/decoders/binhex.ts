const CHARACTERS = '!"#$%&\'()*+,-012345689@ABCDEFGHIJKLMNPQRSTUVXYZ[`abcdefhijklmpqr'

/** Encodes a file as BinHex 4.0 (RFC 1741), with its first line. `claims` are the lengths that it declares. */
export function binHex(
  name: string,
  data: Buffer,
  resources = Buffer.alloc(0),
  claims: readonly [number, number] = [data.length, resources.length],
): string {
  const lengths = Buffer.alloc(8)
  lengths.writeUInt32BE(claims[0], 0)
  lengths.writeUInt32BE(claims[1], 4)
  const front = Buffer.from(`${String.fromCharCode(name.length)}${name}\0TEXTttxt\0\0`, 'latin1')
  const parts = [Buffer.concat([front, lengths]), data, resources]
  const bytes = packed(Buffer.concat(parts.flatMap((part) => [part, checksumOf(part)])))
  let bits = ''
  for (const byte of bytes) bits += byte.toString(2).padStart(8, '0')
  const groups = bits.match(/.{1,6}/g) ?? []
  const text = `:${groups.map((six) => CHARACTERS[Number.parseInt(six.padEnd(6, '0'), 2)]).join('')}:`
  return `(This file must be converted with BinHex 4.0)\n\n${text.match(/.{1,64}/g)!.join('\n')}\n`
}

/** Writes runs as a byte, a mark, and how often it is there. */
function packed(bytes: Buffer): Buffer {
  const out: number[] = []
  for (let at = 0; at < bytes.length; ) {
    const byte = bytes[at]!
    let times = 1
    while (times < 255 && bytes[at + times] === byte) times++
    const isRun = times > 3
    out.push(...(byte === 0x90 ? [0x90, 0] : [byte]))
    if (isRun) out.push(0x90, times)
    at += isRun ? times : 1
  }
  return Buffer.from(out)
}

/** CRC-16 of CCITT, the highest bit first. */
function checksumOf(part: Buffer): Buffer {
  let checksum = 0
  for (const byte of part) {
    checksum ^= byte << 8
    for (let bit = 0; bit < 8; bit++) {
      checksum = ((checksum << 1) ^ (checksum & 0x8000 ? 0x1021 : 0)) & 0xffff
    }
  }
  return Buffer.from([checksum >> 8, checksum & 255])
}
