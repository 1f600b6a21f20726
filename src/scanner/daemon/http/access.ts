import type { IncomingHttpHeaders } from 'node:http'
import { Fault } from '../../../base/errors/fault.ts'
import { parseEndpoint } from '../../../base/net/endpoint.ts'
import { isLoopbackHost } from '../../../base/net/server-address.ts'
import { isSameSecret, readTokenFile, TOKEN_FORM, TOKEN_MIN } from './tokens.ts'

/** Returns why a request is refused, or undefined if it is let in. */
export type CheckAccess = (
  headers: IncomingHttpHeaders,
) => { readonly status: 401 | 421; readonly text: string } | undefined

/**
 * Returns the function that checks access. Without a token, only a loopback address is permitted, and a
 * request must name it in Host. So a name of another page that resolves to this host (DNS rebinding) is
 * refused. `address` is undefined for a unix socket, whose mode controls access. Throws a Fault of kind
 * `config` if the token cannot be used, or is missing for an address that other hosts reach.
 */
export function checkAccessBy(
  address: string | undefined,
  tokenFile: string | undefined,
): CheckAccess {
  const token = tokenFile === undefined ? undefined : readToken(tokenFile)
  if (address !== undefined && token === undefined && !isLoopbackHost(address)) {
    throw new Fault(
      'config',
      `--http ${address}: other hosts can reach this address; add --http-token FILE, or listen on 127.0.0.1`,
    )
  }
  const checksHost = address !== undefined && token === undefined
  return (headers) => {
    if (checksHost && !isOwnName(headers.host ?? '')) {
      return { status: 421, text: 'this is not a name of this host: use 127.0.0.1 or localhost' }
    }
    if (token !== undefined && !isGiven(headers.authorization ?? '', token)) {
      return {
        status: 401,
        text: 'authentication is required: send the token as Bearer, or as the password of any user',
      }
    }
    return undefined
  }
}

/** Returns whether a Host field names a loopback address: `127.0.0.1:9101`, `localhost`, `[::1]:9101`. */
const isOwnName = (host: string): boolean =>
  isLoopbackHost(parseEndpoint(host, { defaultPort: 80 })?.host ?? '')

/**
 * Returns whether the token was given as Bearer (RFC 6750 2.1), or as the password of Basic (RFC 7617), which
 * browsers request from their user.
 */
function isGiven(authorization: string, token: string): boolean {
  const [, scheme = '', value = ''] = /^(Bearer|Basic) +(\S+)$/i.exec(authorization) ?? []
  const isBasic = scheme.toLowerCase() === 'basic'
  const attempt = isBasic
    ? Buffer.from(value, 'base64')
        .toString()
        .replace(/^[^:]*:/, '')
    : value
  return isSameSecret(attempt, token)
}

/** Returns the token in the file of --http-token. Throws a Fault of kind `config` if it cannot be used. */
export function readToken(file: string): string {
  const option = '--http-token'
  const token = readTokenFile(option, file)
  if (TOKEN_FORM.test(token)) return token
  throw new Fault(
    'config',
    `${option} ${file}: must contain one line of at least ${TOKEN_MIN} printable characters`,
  )
}
