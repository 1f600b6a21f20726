import { startsWith } from '../bytes/buffers.ts'

/** An IP address as its bytes, 4 or 16, in network order. */
export type IpAddress = Uint8Array

const MAPPED = Buffer.from('00000000000000000000ffff', 'hex')

/**
 * Reads an address in the forms of TCPREMOTEIP (RFC 4291 2.2). Returns undefined for anything else.
 * An IPv4 address in IPv6 form (`::ffff:192.0.2.1`) becomes the IPv4 address. The zone of a
 * link-local address (`%eth0`) is dropped.
 */
export function parseIpAddress(text: string): IpAddress | undefined {
  const [bare = '', zone] = text.split('%', 2)
  if (!bare.includes(':')) return zone === undefined ? parseIPv4(bare) : undefined
  const address = parseIPv6(bare)
  return address && withoutMapping(address)
}

/** Returns the IPv4 address of one in IPv6 form, and any other address as it is. */
export function withoutMapping(address: IpAddress): IpAddress {
  const isMapped = address.length === 16 && startsWith(address, MAPPED)
  return isMapped ? address.subarray(MAPPED.length) : address
}

/** Returns whether an address is of the loopback interface: one of 127.0.0.0/8, or `::1`. */
export function isLoopback(address: IpAddress): boolean {
  if (address.length === 4) return address[0] === 127
  return address.at(-1) === 1 && isUnspecified(address.subarray(0, -1))
}

/** Returns whether an address is `0.0.0.0` or `::`, by which a server listens on all addresses. */
export function isUnspecified(address: IpAddress): boolean {
  return address.every((byte) => byte === 0)
}

// node:net has a function for this, but onescan-queue would load it for this alone, which takes 2 ms.
const IPV4 = /^(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?!$)|$)){4}$/
const CHARACTERS_OF_IPV6 = /^[\da-f:.]+$/i

function parseIPv4(text: string): IpAddress | undefined {
  return IPV4.test(text) ? Uint8Array.from(text.split('.'), Number) : undefined
}

function parseIPv6(text: string): IpAddress | undefined {
  if (!CHARACTERS_OF_IPV6.test(text) || !URL.canParse(`http://[${text}]`)) return undefined
  const [left = [], right = []] = compressIpv6(text).split('::').map(groupsOf)
  const gap = new Array<number>(8 - left.length - right.length).fill(0)
  return Uint8Array.from([...left, ...gap, ...right].flatMap((group) => [group >> 8, group & 255]))
}

/** Reads groups of hexadecimal digits such as `2001:db8`. */
function groupsOf(text: string): number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
}

/** Writes an IPv6 address in the short form of RFC 5952, without an IPv4 address at its end. */
function compressIpv6(text: string): string {
  return new URL(`http://[${text}]`).hostname.slice(1, -1)
}

/** A network: an address, and how many of its leading bits count. */
export class Network {
  readonly address: IpAddress
  readonly bits: number

  private constructor(address: IpAddress, bits: number) {
    this.address = address
    this.bits = bits
  }

  /**
   * Reads `192.0.2.0/24`, an address alone, or whole octets followed by a dot, `10.`, as in
   * tcprules(1). Undefined for anything else.
   */
  static parse(text: string): Network | undefined {
    if (/^(\d{1,3}\.){1,3}$/.test(text)) {
      const octets = text.split('.').length - 1
      const address = parseIPv4(text + new Array(4 - octets).fill('0').join('.'))
      return address && new Network(address, octets * 8)
    }
    const [first = '', length, ...rest] = text.split('/')
    const address = parseIpAddress(first)
    if (!address || rest.length > 0) return undefined
    const most = address.length * 8
    if (length === undefined) return new Network(address, most)
    // The length of an IPv4 network in IPv6 form counts the bits in front of it.
    const bits = Number(length) - (first.includes(':') && most === 32 ? 96 : 0)
    const isLength = /^\d{1,3}$/.test(length) && bits >= 0 && bits <= most
    return isLength ? new Network(address, bits) : undefined
  }

  has(address: IpAddress): boolean {
    if (this.address.length !== address.length) return false
    const whole = this.bits >> 3
    if (!startsWith(address, this.address.subarray(0, whole))) return false
    const mask = (0xff00 >> (this.bits & 7)) & 0xff
    return mask === 0 || ((address[whole]! ^ this.address[whole]!) & mask) === 0
  }
}

/**
 * Writes an address as people and tcpserver (TCPREMOTEIP) do, an IPv6 address in the short form of
 * RFC 5952.
 */
export function addressText(address: IpAddress): string {
  if (address.length === 4) return address.join('.')
  return compressIpv6(Buffer.from(address).toString('hex').match(/.{4}/g)!.join(':'))
}

/** Bytes of an IPv6 address that name its network. One host may use all addresses of a network. */
const IPV6_NETWORK_BYTES = 8

/** Returns the key of a client: its IPv4 address, or the /64 of its IPv6 address, in hex digits. */
export function clientKey(address: IpAddress): string {
  const bytes = address.length === 4 ? address : address.subarray(0, IPV6_NETWORK_BYTES)
  return Buffer.from(bytes).toString('hex')
}

/** Hex digits of an IPv4 network, a /24. */
const IPV4_NETWORK_DIGITS = 6

/** Returns the key of the network of an address in the form of node:net, a /24 or /64, or '' without an address. */
export function clientNetworkKey(text = ''): string {
  const key = addressKey(text)
  return key.length === 2 * IPV6_NETWORK_BYTES ? key : key.slice(0, IPV4_NETWORK_DIGITS)
}

/**
 * Returns the cache key of the client at an address in the form of node:net. All clients without an address
 * share one key.
 */
export function addressKey(text = ''): string {
  const address = parseIpAddress(text)
  return address === undefined ? '' : clientKey(address)
}
