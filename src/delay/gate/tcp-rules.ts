import { errorCode, errorText, Fault } from '../../ground/errors/fault.ts'
import { openCdb } from './cdb.ts'

/** What a rule of tcprules(1) says of a client. */
export interface TcpRule {
  readonly isDenied: boolean
  /** Names and values, in the order of the rule. */
  readonly variables: readonly (readonly [name: string, value: string])[]
}

const NO_RULE: TcpRule = { isDenied: false, variables: [] }

const END = 0
const DENY = 0x44 // D
const SET = 0x2b // +

/**
 * The first rule that fits a client, in the order of tcpserver(1): its address, its name, shorter
 * and shorter parts of either, the empty one. The file is opened for each client, so that what
 * tcprules(1) has put there counts at once. Throws a Fault if it cannot be read, since then nobody
 * knows who is denied. If the file may be missing and is, all are allowed.
 */
export function findTcpRule(
  { file, mayBeMissing }: { readonly file: string; readonly mayBeMissing: boolean },
  ip: string,
  host: string | undefined,
): TcpRule {
  try {
    const cdb = openCdb(file)
    try {
      for (const key of keysOf(ip, host)) {
        const data = cdb.find(Buffer.from(key, 'latin1'))
        if (data !== undefined) return readRule(data)
      }
      return NO_RULE
    } finally {
      cdb.close()
    }
  } catch (error) {
    if (mayBeMissing && errorCode(error) === 'ENOENT') return NO_RULE
    throw new Fault('config', `-x ${file}: ${errorText(error)}`, error)
  }
}

/** tcprules(1), ADDRESSES; without TCPREMOTEINFO, which is never asked for. */
export function keysOf(ip: string, host: string | undefined): string[] {
  const names = host === undefined ? [] : [`=${host}`]
  const suffixes =
    host === undefined ? [] : [...suffixesOf(host).map((suffix) => `=${suffix}`), '=']
  return [ip, ...names, ...prefixesOf(ip), ...suffixes, '']
}

/** `1.2.3.`, `1.2.`, `1.` */
function prefixesOf(ip: string): string[] {
  const found: string[] = []
  for (let dot = ip.lastIndexOf('.'); dot > 0; dot = ip.lastIndexOf('.', dot - 1)) {
    found.push(ip.slice(0, dot + 1))
  }
  return found
}

/** `.b.c`, `.c` of `a.b.c` */
function suffixesOf(host: string): string[] {
  const found: string[] = []
  for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1)) {
    found.push(host.slice(dot))
  }
  return found
}

/** Pieces that each end in a NUL: `D` denies, `+NAME=VALUE` sets; as tcpserver, it leaves out all others. */
function readRule(data: Buffer): TcpRule {
  let isDenied = false
  const variables: [string, string][] = []
  for (let at = 0, end = data.indexOf(END); end >= 0; at = end + 1, end = data.indexOf(END, at)) {
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
