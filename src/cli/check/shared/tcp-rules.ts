/** What tcpserver(1) gives clients of some addresses, by the rules of tcprules(1). */
export interface RuleClass {
  /** As the rules write them; '' stands for all other addresses. */
  readonly addresses: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}

/** Bytes before the first record: 256 pointers to hash tables (cdb's own specification). */
const HEADER = 2048

/**
 * Reads the classes of a cdb that tcprules made. Addresses with the same variables form one class.
 * The class of all other addresses comes first. Denied addresses are left out. Throws an Error if
 * the file is no such cdb.
 */
export function readRules(cdb: Buffer): RuleClass[] {
  const classes = new Map<string, { addresses: string[]; variables: Record<string, string> }>()
  let elseDenied = false
  for (const { key, data } of records(cdb)) {
    if (data.startsWith('D')) elseDenied ||= key === ''
    else {
      const variables = variablesOf(data)
      const same = JSON.stringify(Object.entries(variables).sort())
      const known = classes.get(same)
      if (known === undefined) classes.set(same, { addresses: [key], variables })
      else if (!known.addresses.includes(key)) known.addresses.push(key)
    }
  }
  const found = [...classes.values()]
  const isElse = ({ addresses }: RuleClass) => addresses.includes('')
  // Clients that fit no rule are accepted, without variables (tcprules(1)).
  if (!found.some(isElse) && !elseDenied) found.push({ addresses: [''], variables: {} })
  return [...found.filter(isElse), ...found.filter((rule) => !isElse(rule))]
}

/**
 * The class of an IP address: by its own rule, else by its longest prefix, else that of all other
 * addresses.
 */
export function classOf(classes: readonly RuleClass[], ip: string): RuleClass | undefined {
  const parts = ip.split('.')
  const prefixes = parts.map((_, index) => `${parts.slice(0, parts.length - 1 - index).join('.')}.`)
  const candidates = [ip, ...prefixes.slice(0, -1), '']
  for (const address of candidates) {
    const found = classes.find(({ addresses }) => addresses.includes(address))
    if (found !== undefined) return found
  }
  return undefined
}

/** In words for people. */
export function classText({ addresses }: RuleClass): string {
  const names = addresses.map((address) => address || 'everybody else')
  return names.length > 3
    ? `${names.slice(0, 2).join(' ')} and ${names.length - 2} more`
    : names.join(' ')
}

function* records(cdb: Buffer): Generator<{ readonly key: string; readonly data: string }> {
  const broken = () => new Error('is no cdb of tcprules')
  if (cdb.length < HEADER) throw broken()
  let end = cdb.length
  for (let at = 0; at < HEADER; at += 8) end = Math.min(end, cdb.readUInt32LE(at))
  if (end < HEADER) throw broken()
  for (let at = HEADER; at < end; ) {
    if (at + 8 > end) throw broken()
    const [keyLength, dataLength] = [cdb.readUInt32LE(at), cdb.readUInt32LE(at + 4)]
    const [from, to] = [at + 8 + keyLength, at + 8 + keyLength + dataLength]
    if (to > end) throw broken()
    yield { key: cdb.toString('latin1', at + 8, from), data: cdb.toString('latin1', from, to) }
    at = to
  }
}

/** Reads `+NAME=VALUE` NUL, any number of times. */
function variablesOf(data: string): Record<string, string> {
  const words = data.split('\0').filter((word) => word.startsWith('+') && word.includes('='))
  return Object.fromEntries(
    words.map((word) => {
      const at = word.indexOf('=')
      return [word.slice(1, at), word.slice(at + 1)]
    }),
  )
}
