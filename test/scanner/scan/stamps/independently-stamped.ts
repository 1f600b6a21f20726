import { hmacValue, type Stamps, stampsOf } from './independent.ts'

/** The key of the ring that all hosts of the bench have. */
export const key = { id: 'alpha', secret: Buffer.alloc(32, 7) }

/** One that they have beside it if keys are changed. */
const other = { id: 'beta', secret: Buffer.alloc(32, 9) }

const lineOf = ({ id, secret }: typeof key) => `hmac-sha256:${id}:${secret.toString('base64url')}\n`
export const keyring = lineOf(key)
export const otherKey = lineOf(other)

/** The stamps of a message by these keys. */
export const stampsIn = (message: Buffer): Stamps =>
  stampsOf(message, { [key.id]: key.secret, [other.id]: other.secret })

/** With a stamp on top that another host of the cluster may have made at `now`, if it is whole mail. */
export function stamped(text: string, now: number): string {
  if (!/^[^\n]+:.*\n\n/s.test(text)) return text
  const claims = { id: key.id, time: now, scanners: 'clamd,everypart' }
  const value = hmacValue(Buffer.from(text, 'latin1'), key.secret, claims)
  return `X-SHA256-Cluster-1: ${value}\n${text}`
}
