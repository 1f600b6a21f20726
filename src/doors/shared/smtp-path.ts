const OPEN = 0x3c
const CLOSE = 0x3e

/** The address of an SMTP path, RFC 5321 4.1.2: without the angle brackets around it, if it has them. */
export function bareAddress(path: Buffer): Buffer {
  const bracketed = path[0] === OPEN && path[path.length - 1] === CLOSE
  return bracketed ? path.subarray(1, -1) : path
}

/** Bytes that the client announced for the message (RFC 1870), or undefined. */
export function announcedSize(parameters: readonly Buffer[]): number | undefined {
  for (const parameter of parameters) {
    const [, digits] = /^SIZE=([0-9]{1,15})$/i.exec(parameter.toString('latin1')) ?? []
    if (digits !== undefined) return Number(digits)
  }
  return undefined
}
