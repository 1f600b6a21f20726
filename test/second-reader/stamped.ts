import { hmacValue } from '../scan/cluster/independent.ts'

/** The key of the ring that all hosts of the bench have. */
export const key = { id: 'alpha', secret: Buffer.alloc(32, 7) }

export const keyring = `hmac-sha256:${key.id}:${key.secret.toString('base64url')}\n`

/** With a stamp on top that another host of the cluster may have made at `now`, if it is whole mail. */
export function stamped(text: string, now: number): string {
  if (!/^[^\n]+:.*\n\n/s.test(text)) return text
  const claims = { id: key.id, time: now, scanners: 'clamd,everypart' }
  const value = hmacValue(Buffer.from(text, 'latin1'), key.secret, claims)
  return `X-SHA256-Cluster-1: ${value}\n${text}`
}
