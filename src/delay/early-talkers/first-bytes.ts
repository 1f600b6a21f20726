import type { System } from '../../lib/runtime/system.ts'

/** The first bytes of TLS (RFC 8446 5.1) and of the PROXY protocol, in text and in binary (its versions 1 and 2). */
const OTHER_PROTOCOLS: readonly (readonly [begins: Buffer, name: string])[] = [
  [Buffer.from([0x16, 0x03]), 'TLS'],
  [Buffer.from('PROXY '), 'the PROXY protocol'],
  [Buffer.from('\r\n\r\n\0\r\nQUIT\n'), 'the PROXY protocol'],
]

const LENGTH = Math.max(...OTHER_PROTOCOLS.map(([begins]) => begins.length))

/**
 * Returns `why`, the reason for the log why a client talks early, and adds its protocol if the first bytes
 * are not SMTP. Consumes none of them.
 */
export function whyWithProtocol(why: string, fd: number, system: System): string {
  const buffer = Buffer.alloc(LENGTH)
  const first = buffer.subarray(0, system.peek(fd, buffer))
  const [, name] = OTHER_PROTOCOLS.find(([begins]) => first.indexOf(begins) === 0) ?? []
  if (name === undefined) return why
  return `${why}; it speaks ${name}, which smtp-delay does not: have the program in front of it speak plain SMTP`
}
