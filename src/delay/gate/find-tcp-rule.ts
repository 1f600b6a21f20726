import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import { Cdb } from '../../ground/net/cdb.ts'
import { readTcpRule, type TcpRule, tcpRuleKeys } from '../../ground/net/tcp-rules.ts'

const NO_RULE: TcpRule = { isDenied: false, variables: [] }

/**
 * Returns the first rule that fits a client, in the order of tcpserver(1). The file is opened for
 * each client, so that new rules of tcprules(1) count at once. Throws a Fault if it cannot be read,
 * since then nobody knows who is denied. If the file is missing and may be, all are allowed.
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
        if (data !== undefined) return readTcpRule(data)
      }
      return NO_RULE
    })
  } catch (error) {
    if (mayBeMissing && errorCode(error) === 'ENOENT') return NO_RULE
    throw new Fault('config', `-x ${file}: ${errorText(error)}; make it with tcprules`, error)
  }
}
