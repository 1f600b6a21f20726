import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, failure } from '../../../../base/check/check-line.ts'
import { attempt, errorText } from '../../../../base/errors/fault.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { lookUp, type Postfix } from './postconf.ts'

/** What Postfix cannot use of its own configuration, so that it accepts no mail: it only logs that. */

/** Returns the faults at which every program of Postfix ends. What else is wrong then often follows from them. */
export async function checkUsable(postfix: Postfix): Promise<CheckLine[]> {
  const file = join(postfix.directory || postfix.main.config_directory || '/etc/postfix', 'main.cf')
  const text = String(attempt(() => readOwnFile(file)) ?? '')
  const continued = continuedLines(text, Object.keys(postfix.main)).map(({ line, name, to }) => {
    const value = `line ${line} of ${shellWord(file)} begins with a blank, so it is a part of ${to}, and does not set ${name}`
    return failure(
      'main.cf',
      value,
      `sed -i '${line}{s/^[ \\t]*//}' ${shellWord(file)} && postfix reload`,
    )
  })
  if (continued.length > 0) return continued
  try {
    await lookUp('x', 'static:x', postfix)
    return []
  } catch (error) {
    // Of that, checkInterfaces() knows more.
    if (/inet_interfaces: no local interface/.test(errorText(error))) return []
    const value = `its programs end: ${errorText(error)}`
    return [
      failure('Postfix', value, `correct this in ${shellWord(file)}, then run postfix reload`),
    ]
  }
}

/** A line that was meant to set a parameter, and continues the one before. */
interface ContinuedLine {
  readonly line: number
  readonly name: string
  readonly to: string
}

/** Returns the lines of a main.cf that begin with a blank and set one of these parameters: postconf(5). */
export function continuedLines(text: string, names: readonly string[]): ContinuedLine[] {
  let to: string | undefined
  return text.split('\n').flatMap((whole, at) => {
    const [, blank, name = ''] = /^([ \t]*)(\w+)[ \t]*=/.exec(whole) ?? []
    if (blank === '') to = name
    if (!blank || to === undefined || !names.includes(name)) return []
    return [{ line: at + 1, name, to }]
  })
}

/** The types of tables in files that postmap(1) makes, and of those that Postfix reads as they are written. */
const MADE = ['hash', 'btree', 'lmdb', 'cdb', 'dbm', 'sdbm']
const TABLE = /\b(hash|btree|lmdb|cdb|dbm|sdbm|texthash|regexp|pcre|cidr):(\/[^\s,{}]+)/g
/** Tables that Postfix writes itself, those that newaliases(1) makes, and those of checkMilterMaps(). */
const OTHERS = /(?:_database|_cache_map|^address_verify_map|^smtpd_milter_maps)$/
/** The words of Postfix about a type of tables that is not installed. */
const NO_SUCH_TYPE = /unsupported dictionary type/
/** Its tables have the form of aliases(5), and smtpd(8) looks there for each recipient of this host. */
const ALIASES = 'alias_maps'

/** Resolves to the tables that Postfix cannot read: it defers the mail for which it looks something up there. */
export async function checkTables(postfix: Postfix): Promise<CheckLine[]> {
  const found = new Map<string, { readonly type: string; readonly path: string; place: string }>()
  for (const [place, value] of [...Object.entries(postfix.written), ...postfix.set]) {
    if (OTHERS.test(place) || (place === ALIASES && !postfix.main.mydestination)) continue
    for (const [table, type = '', path = ''] of value.matchAll(TABLE))
      if (!found.has(table)) found.set(table, { type, path, place })
  }
  const checkLines = [...found].map(async ([table, { type, path, place }]) => {
    try {
      await lookUp('x', table, postfix)
      return []
    } catch (error) {
      const fault = errorText(error)
      const hasType = !NO_SUCH_TYPE.test(fault)
      // postmap(1) fails for each error of main.cf, too.
      if (hasType && !fault.includes(path)) return []
      const value = `Postfix cannot read ${table} (${fault}), and defers mail for which it looks there`
      if (hasType && MADE.includes(type) && existsSync(path)) {
        const make = place === ALIASES ? 'postalias' : 'postmap'
        return [failure(place, value, `${make} ${shellWord(table)} && postfix reload`)]
      }
      const supply = hasType
        ? `restore ${shellWord(path)}`
        : `install the package with tables of this type (in Debian postfix-${type})`
      const remedy = `${supply}, or remove ${table} from ${place}, then run postfix reload`
      return [failure(place, value, remedy)]
    }
  })
  return (await Promise.all(checkLines)).flat()
}
