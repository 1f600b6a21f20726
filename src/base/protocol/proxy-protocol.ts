/**
 * The first bytes of the PROXY protocol, in its versions 1 and 2 (haproxy, proxy-protocol.txt), by which a proxy reports the
 * address of its client. onescan does not read it.
 */
export const PROXY_STARTS: readonly Buffer[] = [
  Buffer.from('PROXY '),
  Buffer.from('\r\n\r\n\0\r\nQUIT\n'),
]

export const NO_PROXY_PROTOCOL =
  'the PROXY protocol is not supported here; switch it off in the proxy'
