/** The argument of MAIL or RCPT: a path (RFC 5321 4.1.2) and its parameters. */
export interface SmtpPath {
  /** As the client sent it, with its angle brackets if it has them. */
  readonly path: Buffer
  /** `SIZE=1000`, `BODY=8BITMIME`, … */
  readonly parameters: readonly Buffer[]
}

const OPEN = 0x3c
const CLOSE = 0x3e

/** Returns the address of a path: a view without the angle brackets. */
export function bareAddress(path: Buffer): Buffer {
  const bracketed = path[0] === OPEN && path[path.length - 1] === CLOSE
  return bracketed ? path.subarray(1, -1) : path
}

/**
 * Returns the bytes that the client announced for the message (RFC 1870), or undefined if it
 * announced none.
 */
export function announcedSize(parameters: readonly Buffer[]): number | undefined {
  for (const parameter of parameters) {
    const [, digits] = /^SIZE=([0-9]{1,15})$/i.exec(parameter.toString('latin1')) ?? []
    if (digits !== undefined) return Number(digits)
  }
  return undefined
}
