import { Cdb, readTcpRule } from '../../../ground/net/tcp-rules.ts'

/** Clients to which tcpserver(1) gives the same variables, by the rules of tcprules(1). */
export interface RuleClass {
  /** Addresses and prefixes as the rules have them; '' stands for all other addresses. */
  readonly addresses: readonly string[]
  readonly variables: Readonly<Record<string, string>>
}

/**
 * Reads the classes of a cdb that tcprules made. Addresses with the same variables form one class.
 * The class of all other addresses comes first. Denied addresses are left out. Throws an Error if
 * the file is not such a cdb.
 */
export function readRules(file: Buffer): RuleClass[] {
  const classes = new Map<string, { addresses: string[]; variables: Record<string, string> }>()
  let elseDenied = false
  for (const { key, value } of Cdb.in(file).records()) {
    const address = key.toString('latin1')
    const rule = readTcpRule(value)
    if (rule.isDenied) elseDenied ||= address === ''
    else {
      const variables = Object.fromEntries(rule.variables)
      const same = JSON.stringify(Object.entries(variables).sort())
      const known = classes.get(same)
      if (known === undefined) classes.set(same, { addresses: [address], variables })
      else if (!known.addresses.includes(address)) known.addresses.push(address)
    }
  }
  const found = [...classes.values()]
  const isElse = ({ addresses }: RuleClass) => addresses.includes('')
  // Clients that fit no rule are accepted, without variables (tcprules(1)).
  if (!found.some(isElse) && !elseDenied) found.push({ addresses: [''], variables: {} })
  return [...found.filter(isElse), ...found.filter((rule) => !isElse(rule))]
}

/** The addresses of a class in a few words. */
export function classText({ addresses }: RuleClass): string {
  const names = addresses.map((address) => address || 'everybody else')
  return names.length > 3
    ? `${names.slice(0, 2).join(' ')} and ${names.length - 2} more`
    : names.join(' ')
}
