/** Minimum length of a header in bytes: a name of one letter, and a checksum. */
const HEADER_MIN = 24
/** A checksum follows the header, and each of the two forks. */
const CHECKSUM = 2

/**
 * A file in BinHex. `forks` are its data and its resources. If a length is wrong, the available bytes of
 * them. The last one is all that follows the header: MIME::Parser reads no lengths.
 */
interface BinHexFile {
  readonly name: string
  readonly forks: readonly Buffer[]
}

/** Returns the file in decoded BinHex 4.0 (RFC 1741; decoders/binhex.ts). It is empty if the bytes are too few. */
export function binHexFile(source: Buffer): BinHexFile {
  const nameLength = source[0] ?? 0
  const header = source.subarray(1, 1 + nameLength + HEADER_MIN - 2)
  if (source.length < nameLength + HEADER_MIN - 1) return { name: '', forks: [] }
  const name = header.toString('latin1', 0, nameLength)
  // The name is followed by version, type, creator and flags.
  const lengths = nameLength + 1 + 4 + 4 + 2
  const data = 1 + lengths + 4 + 4 + CHECKSUM
  const dataEnd = Math.min(source.length, data + header.readUInt32BE(lengths))
  const resources = Math.min(source.length, dataEnd + CHECKSUM)
  const end = Math.min(source.length, resources + header.readUInt32BE(lengths + 4))
  const forks = [
    source.subarray(data, dataEnd),
    source.subarray(resources, end),
    source.subarray(data),
  ]
  return { name, forks }
}
