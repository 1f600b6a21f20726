import type { LdapDirectory } from '../../base/protocol/ldap/ldap-directory.ts'
import { lowerCase } from '../../base/text/address.ts'
import { parseUser, type User } from './mailbox-location.ts'
import { Postmap } from './postmap.ts'
import { type IsLocal, tableFile } from './users.ts'

/** A source of aliases: a file in the form of aliases(5), a map of Postfix, TYPE:NAME, or the LDAP directory. */
export type AliasSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'postmap'; readonly map: string }
  | { readonly kind: 'ldap' }

/** Resolves to the targets of a user's alias, or to undefined without one. May throw or reject with an Error. */
type LookUpAlias = (
  user: User,
) => readonly string[] | undefined | Promise<readonly string[] | undefined>

/** Upper limit for the targets of one user. Further ones are treated as mailboxes of other hosts. */
const TARGETS_MAX = 100

/** The mailboxes behind a user, each once. `hasOthers`: mail also goes elsewhere, such as to a program. */
export interface Behind {
  readonly users: readonly User[]
  readonly hasOthers: boolean
}

interface AliasOptions {
  readonly uptime: () => number
  /** Milliseconds for postmap. */
  readonly timeout: number
  /** The path of postmap(1), if it is another one than that of Postfix. */
  readonly postmap?: string | undefined
  /** The directory, if it is a source. */
  readonly directory?: LdapDirectory | undefined
}

/**
 * Returns a function that follows aliases to the mailboxes behind a user, which may be the user's own: each name is
 * followed once, so a chain ends. A target that is not a user, such as a program, a file or a list of addresses, is
 * what `hasOthers` is about. Rejects with an Error if a source cannot be read.
 */
export function followAliases(
  sources: readonly AliasSource[],
  isLocal: IsLocal,
  { uptime, timeout, postmap, directory }: AliasOptions,
): (user: User) => Promise<Behind> {
  const lookUpBy = (source: AliasSource): LookUpAlias => {
    switch (source.kind) {
      case 'file':
        return aliasFile(source.path, isLocal, uptime)
      case 'postmap':
        return postfixMap(new Postmap(source.map, { uptime, timeout, program: postmap }), isLocal)
      case 'ldap':
        return ldapAliases(directory!)
    }
  }
  const lookUps = sources.map(lookUpBy)
  return async (user) => {
    const seen = new Map([[user.name, user]])
    const users: User[] = []
    let hasOthers = false
    for (const next of seen.values()) {
      const targets = await firstFound(lookUps, next)
      // An alias that leads to itself is the mailbox of that name, beside its other targets.
      if (targets === undefined || targets.includes(next.name)) users.push(next)
      for (const target of targets ?? []) {
        const found = /^[|/:"]/.test(target) ? undefined : parseUser(target)
        if (found === undefined || seen.size >= TARGETS_MAX) hasOthers = true
        else if (!seen.has(found.name)) seen.set(found.name, found)
      }
    }
    return { users, hasOthers }
  }
}

async function firstFound(lookUps: readonly LookUpAlias[], user: User) {
  for (const lookUp of lookUps) {
    const targets = await lookUp(user)
    if (targets !== undefined) return targets
  }
  return undefined
}

/** Looks local users up in a file in the form of aliases(5). */
function aliasFile(path: string, isLocal: IsLocal, uptime: () => number): LookUpAlias {
  const aliases = tableFile(path, parseAliases, uptime)
  return ({ local, domain }) => (domain === '' || isLocal(domain) ? aliases(local) : undefined)
}

/** Parses lines `name: target, target`, which may go on in lines that begin with a blank. */
function parseAliases(text: string): ReadonlyMap<string, readonly string[]> {
  const lines = text.replace(/\n[ \t]+(?=\S)/g, ' ').split('\n')
  return new Map(
    lines.flatMap((line) => {
      const [, name, targets] = /^("[^"]+"|[^:#\s][^:]*?)\s*:\s*(.*)$/.exec(line) ?? []
      if (name === undefined || targets === undefined) return []
      return [[lowerCase(name.replace(/^"|"$/g, '')), splitTargets(targets)] as const]
    }),
  )
}

/** Splits a list of targets at commas that are not in quotes. */
function splitTargets(text: string): string[] {
  const targets = text.match(/(?:"(?:\\.|[^"\\])*"|[^,"])+/g) ?? []
  return targets.map((target) => lowerCase(target.trim())).filter((target) => target !== '')
}

/** Looks users up in an LDAP directory. The mailbox of an entry with a home counts beside the addresses that it forwards to. */
function ldapAliases(directory: LdapDirectory): LookUpAlias {
  return async (user) => {
    const entry = await directory.find(user)
    if (entry.kind === 'trouble') throw new Error(entry.reason)
    if (entry.kind === 'nobody' || entry.aliases.length === 0) return undefined
    return [...entry.aliases.map(lowerCase), ...(entry.home ? [user.name] : [])]
  }
}

/** Looks users up in a map of Postfix as virtual(5) does: the address, a local user's name, and then the domain. */
function postfixMap(postmap: Postmap, isLocal: IsLocal): LookUpAlias {
  return async ({ name, local, domain }) => {
    const keys = [name, ...(domain !== '' && isLocal(domain) ? [local] : [])]
    if (domain !== '') keys.push(`@${domain}`)
    const found = await Promise.all(keys.map((key) => postmap.find(key)))
    const targets = found.find((text) => text !== undefined)
    if (targets === undefined) return undefined
    // `@one.example @other.example` gives each user of one the same name in the other.
    return splitTargets(targets).map((target) => (target.startsWith('@') ? local + target : target))
  }
}
