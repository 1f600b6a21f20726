import * as linux from './linux.ts'

/** The address of a TCP socket. */
export interface TcpAddress {
  /** An IP address of 4 or 16 bytes; undefined stands for all addresses of the host. */
  readonly address: Uint8Array | undefined
  /** 0 lets the kernel choose. */
  readonly port: number
}

/** One end of a TCP connection. */
export interface TcpEndpoint {
  /** 4 or 16 bytes; an IPv4 address in IPv6 form is given as IPv4. */
  readonly address: Uint8Array
  readonly port: number
}

/** Bytes of struct sockaddr_in6, ipv6(7); struct sockaddr_in is shorter. */
export const ADDRESS_BYTES = 28
/** Bytes of sun_path in struct sockaddr_un, unix(7); it follows the family. */
const PATH_BYTES = 108
const PATH_AT = 2

/** Makes a struct sockaddr_in or sockaddr_in6, ip(7) and ipv6(7). */
export function inetAddress({ address, port }: TcpAddress): Buffer {
  const isIpv4 = address?.length === 4
  const bytes = Buffer.alloc(isIpv4 ? 16 : ADDRESS_BYTES)
  bytes.writeUInt16LE(isIpv4 ? linux.AF_INET : linux.AF_INET6, 0)
  bytes.writeUInt16BE(port, 2)
  if (address !== undefined) bytes.set(address, isIpv4 ? 4 : 8)
  return bytes
}

/**
 * Makes a struct sockaddr_un of a path, or of a name in the abstract namespace if it begins with
 * `@` or NUL. Returns undefined if the path is empty or too long.
 */
export function unixAddress(path: string): Buffer | undefined {
  const name = Buffer.from(path.replace(/^@/, '\0'))
  if (name.length === 0 || name.length >= PATH_BYTES) return undefined
  const address = Buffer.alloc(PATH_AT + name.length + (name[0] === 0 ? 0 : 1))
  address.writeUInt16LE(linux.AF_UNIX, 0)
  name.copy(address, PATH_AT)
  return address
}

/** Reads a struct sockaddr. Returns undefined for other families than IPv4 and IPv6. */
export function readEndpoint(address: Buffer): TcpEndpoint | undefined {
  const family = address.readUInt16LE(0)
  const port = address.readUInt16BE(2)
  if (family === linux.AF_INET) return { address: Uint8Array.from(address.subarray(4, 8)), port }
  if (family !== linux.AF_INET6) return undefined
  const bytes = Uint8Array.from(address.subarray(8, 24))
  const isMapped = bytes.every((byte, at) => at >= 12 || byte === (at < 10 ? 0 : 0xff))
  return { address: isMapped ? bytes.subarray(12) : bytes, port }
}
