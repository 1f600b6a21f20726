import { errorCode, errorTextAt, Fault } from '../../base/errors/fault.ts'
import { Cdb, parseTcpRule, type TcpRule } from '../../base/net/tcp-rules.ts'

/** The result if no rule matches. */
export const NO_RULE: TcpRule = { isDenied: false, variables: [] }

/**
 * Returns the first rule that matches a client, in the order of tcpserver(1). The file is opened for each
 * client, so that new rules of tcprules(1) apply immediately. Throws a Fault if it cannot be read, because
 * the denied clients are then unknown. If the file is missing and may be missing, all clients are allowed.
 */
export function findTcpRule(
  { file, mayBeMissing }: { readonly file: string; readonly mayBeMissing: boolean },
  ip: string,
  host: string | undefined,
): TcpRule {
  try {
    return Cdb.withFile(file, (cdb) => {
      for (const key of tcpRuleKeys(ip, host)) {
        const data = cdb.find(Buffer.from(key, 'latin1'))
        if (data !== undefined) return parseTcpRule(data)
      }
      return NO_RULE
    })
  } catch (error) {
    if (mayBeMissing && errorCode(error) === 'ENOENT') return NO_RULE
    throw new Fault(
      'config',
      `-x ${file}: ${errorTextAt(file, error)}; make it with tcprules`,
      error,
    )
  }
}

/**
 * Returns the keys under which tcpserver(1) searches for the rule of a client, in its order: the address, the
 * name, shorter and shorter prefixes of the address, suffixes of the name, and the empty key. Keys with
 * TCPREMOTEINFO are skipped, because that is never requested from a client.
 */
function tcpRuleKeys(ip: string, host: string | undefined): string[] {
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
