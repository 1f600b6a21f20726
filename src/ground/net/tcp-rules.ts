/** What a rule of tcprules(1) says about the clients of an address or name. */
export interface TcpRule {
  readonly isDenied: boolean
  /** Names and values, in the order of the rule. */
  readonly variables: readonly (readonly [name: string, value: string])[]
}

const NUL = 0
const DENY = 0x44 // D
const SET = 0x2b // +

/**
 * Reads a rule as tcprules(1) writes it: pieces that each end in a NUL. `D` denies, and
 * `+NAME=VALUE` sets a variable. Other pieces are passed over, as by tcpserver.
 */
export function readTcpRule(data: Buffer): TcpRule {
  let isDenied = false
  const variables: [string, string][] = []
  for (let at = 0, end = data.indexOf(NUL); end >= 0; at = end + 1, end = data.indexOf(NUL, at)) {
    const equals = data.indexOf('=', at)
    if (data[at] === DENY) isDenied = true
    if (data[at] === SET && equals >= 0 && equals < end) {
      variables.push([
        data.toString('utf8', at + 1, equals),
        data.toString('utf8', equals + 1, end),
      ])
    }
  }
  return { isDenied, variables }
}

/**
 * The keys under which tcpserver(1) looks for the rule of a client, in its order: the address, the
 * name, shorter and shorter prefixes of the address, shorter and shorter suffixes of the name, and
 * the empty key. Keys with TCPREMOTEINFO are left out, since no client is asked for it.
 */
export function tcpRuleKeys(ip: string, host: string | undefined): string[] {
  if (host === undefined) return [ip, ...prefixesOf(ip), '']
  const suffixes = [...suffixesOf(host), ''].map((suffix) => `=${suffix}`)
  return [ip, `=${host}`, ...prefixesOf(ip), ...suffixes, '']
}

/** `1.2.3.`, `1.2.` and `1.` of `1.2.3.4`. */
function prefixesOf(ip: string): string[] {
  const prefixes: string[] = []
  for (let dot = ip.lastIndexOf('.'); dot > 0; dot = ip.lastIndexOf('.', dot - 1)) {
    prefixes.push(ip.slice(0, dot + 1))
  }
  return prefixes
}

/** `.b.c` and `.c` of `a.b.c`. */
function suffixesOf(host: string): string[] {
  const suffixes: string[] = []
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    suffixes.push(host.slice(dot))
  }
  return suffixes
}
