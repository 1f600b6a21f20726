import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'

/** The state of a socket that listens, as /proc/net/tcp has it (the kernel's TCP_LISTEN). */
const LISTEN = '0A'

/** The sockets that listen on this address and port, as links of /proc/self/fd lead to them (proc(5)). */
export function listeningInodes({ address, family, port }: AddressInfo): Set<string> {
  const six = family === 'IPv6'
  const rows = readFileSync(six ? '/proc/net/tcp6' : '/proc/net/tcp', 'latin1').split('\n')
  const local = `${hexOf(six ? bytesOf6(address) : bytesOf4(address))}:${hex(port, 4)}`
  const found = new Set<string>()
  for (const row of rows) {
    const [, place, , state, , , , , , inode] = row.trim().split(/\s+/)
    if (place === local && state === LISTEN) found.add(`socket:[${inode}]`)
  }
  return found
}

/** Words of four bytes in the machine's order, which is little-endian wherever the runtimes are. */
function hexOf(bytes: readonly number[]): string {
  let text = ''
  for (let word = 0; word < bytes.length; word += 4) {
    for (let byte = 3; byte >= 0; byte--) text += hex(bytes[word + byte]!, 2)
  }
  return text
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, '0')
}

function bytesOf4(address: string): number[] {
  return address.split('.').map(Number)
}

/** RFC 4291 2.2, `::` for a run of zeros included; a part in dots is the last four bytes. */
function bytesOf6(address: string): number[] {
  const bare = address.replace(/%.*$/s, '')
  const halves = bare
    .split('::')
    .map((half) => (half === '' ? [] : half.split(':').flatMap(bytesOfGroup)))
  const [front = [], back] = halves
  if (back === undefined) return front
  return [...front, ...Array<number>(16 - front.length - back.length).fill(0), ...back]
}

function bytesOfGroup(group: string): number[] {
  if (group.includes('.')) return bytesOf4(group)
  const value = Number.parseInt(group, 16)
  return [value >> 8, value & 0xff]
}
