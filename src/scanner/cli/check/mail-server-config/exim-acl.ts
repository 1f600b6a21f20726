/**
 * The ACLs of Exim, as `exim -bP config` prints them: one clause a line, with macros replaced. Exim's specification, 44
 * (Access control lists).
 */

/** A condition or modifier of a statement: `!authenticated = *`. */
interface Clause {
  readonly name: string
  readonly isNegated: boolean
  readonly value: string
}

/** A verb with its clauses: `deny malware = *`. */
interface Statement {
  readonly verb: string
  readonly clauses: readonly Clause[]
}

/** The statement that asks the scanner about mail. */
export interface MalwareRule {
  /** The name of its ACL. */
  readonly acl: string
  /** Whether Exim refuses or defers mail by it. `warn` only tags. */
  readonly refuses: boolean
  /** Whether Exim goes on as with clean mail if the scanner cannot be asked: the option defer_ok. */
  readonly acceptsUnscanned: boolean
  /** The statements above it that accept mail, so that the scanner is not asked about that. */
  readonly passes: readonly AcceptedMail[]
}

/** A statement that accepts mail before the scanner is asked about it. */
interface AcceptedMail {
  /** The statement in one line: `accept hosts = 192.0.2.0/24`. */
  readonly text: string
  readonly isAll: boolean
}

/**
 * Returns the statement that uses the scanner for mail over SMTP: in the ACL for DATA, or in one that it calls. Undefined if
 * none does, as far as Exim prints: `exim -bP acl_smtp_data`, and its configuration, `exim -bP config`.
 */
export function findMalwareRule(printed: string, configuration: string): MalwareRule | undefined {
  const [, first = ''] = /^acl_smtp_data = (.*)$/m.exec(printed) ?? []
  return findIn(first.trim(), parseAcls(configuration), new Set())
}

type Acls = ReadonlyMap<string, readonly Statement[]>

function findIn(acl: string, acls: Acls, seen: Set<string>): MalwareRule | undefined {
  if (seen.has(acl)) return undefined
  seen.add(acl)
  const passes: AcceptedMail[] = []
  for (const statement of acls.get(acl) ?? []) {
    const { verb, clauses } = statement
    const malware = clauses.find(({ name, value }) => name === 'malware' && !OFF.test(value))
    if (malware !== undefined) {
      const options = malware.value.split('/').slice(1)
      const acceptsUnscanned = options.some((option) => option.trim() === 'defer_ok')
      return { acl, refuses: verb !== 'warn', acceptsUnscanned, passes }
    }
    for (const { value } of clauses.filter(({ name }) => name === 'acl')) {
      const called = findIn(value, acls, seen)
      if (called === undefined) continue
      // Only after `require` is mail that the called ACL accepts not yet decided upon by it.
      return { ...called, passes: [...passes, ...(verb === 'require' ? called.passes : [])] }
    }
    const accepted = acceptedBy(statement)
    if (accepted !== undefined) passes.push(accepted)
  }
  return undefined
}

/** Values of `malware` with which Exim does not scan. */
const OFF = /^(?:false|0)\b/

/** Clauses that decide nothing. */
const MODIFIERS = new Set(
  'add_header continue control delay endpass log_message log_reject_target logwrite message queue remove_header set udpsend'.split(
    ' ',
  ),
)
/** Conditions about the client or the sender, which mail of some meets. No mail may meet others, such as an expansion. */
const OF_CLIENTS = new Set('authenticated encrypted hosts sender_domains senders'.split(' '))

/** Returns what a statement accepts, or undefined if that is nothing, or not known. */
function acceptedBy({ verb, clauses }: Statement): AcceptedMail | undefined {
  const conditions = clauses.filter(({ name }) => !MODIFIERS.has(name))
  if (verb !== 'accept' || !conditions.every(({ name }) => OF_CLIENTS.has(name))) return undefined
  // `hosts = :` is a program of this host that talks SMTP.
  if (conditions.some(({ name, value }) => name === 'hosts' && value === ':')) return undefined
  const words = conditions.map(
    ({ name, isNegated, value }) => `${isNegated ? '!' : ''}${name} = ${value}`,
  )
  const isAll = conditions.every(
    ({ name, isNegated, value }) => name === 'hosts' && !isNegated && value === '*',
  )
  return { text: ['accept', ...words].join(' '), isAll }
}

/** Parses the ACLs of a configuration, by their names. */
function parseAcls(configuration: string): Acls {
  const [, section = ''] =
    /^begin acl[^\n]*$([\s\S]*?)(?=^begin |(?![\s\S]))/m.exec(configuration) ?? []
  return new Map(
    section.split(/^[ \t]*(?=[\w-]+:[ \t]*$)/m).map((acl) => {
      const [, name = '', text = ''] = /^([\w-]+):(.*)$/s.exec(acl) ?? []
      return [name, parseStatements(text)] as const
    }),
  )
}

function parseStatements(text: string): Statement[] {
  const statements: { verb: string; clauses: Clause[] }[] = []
  for (const line of text.split('\n').map((whole) => whole.trim())) {
    if (line === '' || line.startsWith('#')) continue
    const [begun = '', verb] =
      /^(accept|defer|deny|discard|drop|require|warn)(?:\s+|$)/.exec(line) ?? []
    if (verb !== undefined) statements.push({ verb, clauses: [] })
    const [, not, name = '', after = ''] =
      /^(!?)[ \t]*(\w+)(.*)/s.exec(line.slice(begun.length)) ?? []
    const rest = after.trim()
    if (name === '' || (rest !== '' && !rest.startsWith('='))) continue
    const value = rest.slice(1).trim()
    statements.at(-1)?.clauses.push({ name, isNegated: not === '!', value })
  }
  return statements
}
