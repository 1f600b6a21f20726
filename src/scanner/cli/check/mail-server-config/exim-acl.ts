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
  /** The condition with which Exim never scans: `condition = no`. */
  readonly off: string | undefined
  /** Conditions beside it that not all mail meets: `!hosts = 192.0.2.0/24`. */
  readonly conditions: string
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
 * Returns the statement that uses the scanner, in this ACL or in one that it calls. Undefined if none does, as far as Exim
 * prints its configuration: `exim -bP config`.
 */
export function findMalwareRule(acl: string, configuration: string): MalwareRule | undefined {
  const rules = rulesIn(acl, parseAcls(configuration), new Set())
  const [used, ...others] = rules.filter(({ off }) => off === undefined)
  // What one of several does not scan, another may.
  const rule = rules.find(isForAll) ?? used ?? rules[0]
  return rule && others.length > 0 ? { ...rule, conditions: '' } : rule
}

const isForAll = ({ off, conditions }: MalwareRule) => off === undefined && conditions === ''

type Acls = ReadonlyMap<string, readonly Statement[]>

function rulesIn(acl: string, acls: Acls, seen: Set<string>): MalwareRule[] {
  if (seen.has(acl)) return []
  seen.add(acl)
  const passes: AcceptedMail[] = []
  return (acls.get(acl) ?? []).flatMap((statement): MalwareRule[] => {
    const { verb, clauses } = statement
    const demanded = clauses.filter((clause) => !isMetByAll(clause))
    const conditions = inWords(demanded)
    const off = demanded.find(isMetByNone)
    const terms = { off: off && inWords([off]), conditions, passes: [...passes] }
    const malware = clauses.find(({ name }) => name === 'malware')
    if (malware !== undefined) {
      const options = malware.value.split('/').slice(1)
      const acceptsUnscanned = options.some((option) => option.trim() === 'defer_ok')
      return [{ acl, refuses: verb !== 'warn', acceptsUnscanned, ...terms }]
    }
    const called = clauses.filter(({ name }) => name === 'acl')
    const rules = called.flatMap(({ value }) => rulesIn(value, acls, seen))
    if (rules.length > 0) {
      return rules.map((rule) => ({
        ...rule,
        off: rule.off ?? terms.off,
        conditions: [conditions, rule.conditions].filter((text) => text !== '').join(' '),
        // Only after `require` is mail that the called ACL accepts not yet decided upon by it.
        passes: [...passes, ...(verb === 'require' ? rule.passes : [])],
      }))
    }
    const isOfProgram = demanded.some(({ name, value }) => name === 'hosts' && value === ':')
    if (verb === 'accept' && called.length === 0 && !isOfProgram && demanded.every(isOfMail))
      passes.push({ text: ['accept', conditions].join(' ').trim(), isAll: demanded.length === 0 })
    return []
  })
}

const inWords = (clauses: readonly Clause[]) =>
  clauses.map(({ name, isNegated, value }) => `${isNegated ? '!' : ''}${name} = ${value}`).join(' ')

/** Clauses that decide nothing, or that are not about which mail it is. */
const MODIFIERS = new Set(
  'acl add_header continue control decode delay demime endpass log_message log_reject_target logwrite message queue remove_header set udpsend'.split(
    ' ',
  ),
)
/** Conditions about the client or the sender, which mail of some meets. No mail may meet others, such as an expansion. */
const OF_CLIENTS = new Set('authenticated encrypted hosts sender_domains senders'.split(' '))
/** Variables for expansions about the message, its client or sender. */
const OF_MAIL = /\$\{?(?:authenticated|h|header|message|sender)_/

const isOfMail = ({ name, value }: Clause) =>
  OF_CLIENTS.has(name) || (name === 'condition' && OF_MAIL.test(value))

/** Values of a condition that is met always, or never. */
const [ON, OFF] = [/^(?:true|yes|[1-9]\d*)$/i, /^(?:|false|no|0+)$/i]

const isMetByAll = ({ name, isNegated, value }: Clause) =>
  MODIFIERS.has(name) ||
  (name === 'malware' && !NOT_SCANNED.test(value)) ||
  (name === 'hosts' && !isNegated && value === '*') ||
  (name === 'condition' && (isNegated ? OFF : ON).test(value))

const isMetByNone = ({ name, isNegated, value }: Clause) =>
  name === 'malware' || (name === 'condition' && (isNegated ? ON : OFF).test(value))

/** Values of `malware` with which Exim does not scan. */
const NOT_SCANNED = /^(?:false|0)\b/

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
