import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { attempt, errorText } from '../lib/errors/fault.ts'
import { type Finding, warning } from '../lib/errors/finding.ts'
import { toBind } from '../lib/process/bound-paths.ts'
import { passwdEntries } from '../lib/process/passwd.ts'
import { type Environment, readSetting } from '../lib/settings/settings.ts'
import type { ServiceSettings } from './service-settings.ts'

/** The paths that settings name: files that are read, and the directories of mailboxes. */

/** Returns the files that settings name, each after the name of its setting. */
function namedFiles({
  limitsFile,
  users,
  domains,
  ldap,
}: ServiceSettings): [name: string, file: string][] {
  const files: readonly (readonly [string, string | undefined])[] = [
    ['QUOTAMAP', limitsFile],
    ...users.map((list) => ['QUOTAUSERS', list.kind === 'ldap' ? undefined : list.file] as const),
    ['QUOTADOMAINS', domains && 'file' in domains ? domains.file : undefined],
    ['QUOTALDAPPASSWORD', ldap?.bind?.passwordFile],
    ['QUOTALDAPCA', ldap?.authorities],
  ]
  return files.flatMap(([name, file]) => (file === undefined ? [] : [[name, file]]))
}

/**
 * Warnings about files that cannot be read. They are only opened with the first question, so they
 * do not keep the service from starting.
 */
export function unreadableFiles(settings: ServiceSettings): Finding[] {
  return namedFiles(settings).flatMap(([name, file]) => {
    try {
      accessSync(file, constants.R_OK)
      return []
    } catch (error) {
      const value = `${name} ${file}: ${errorText(error)}`
      const remedy = `until it can be read no mailbox is treated as full; ${toBind('onescan-quotad', file)}`
      return [warning('settings', value, remedy)]
    }
  })
}

/** Numbers of accounts that people have: login.defs(5). */
const isPerson = (uid: number) => uid >= 1000 && uid < 60_000
/** Upper limit for the paths that are shown. */
const SHOWN_MAX = 3

/** Warnings about directories of mailboxes that this process does not see: a mailbox there counts as empty. */
export function missingMailboxPaths(
  { source, users }: ServiceSettings,
  env: Environment,
): Finding[] {
  if (source.kind === 'quota-status') return []
  const path = readSetting(env, 'QUOTAMAILBOX').replace(/^\w+:/, '')
  const needsHomes = /^(~|%h)/.test(path)
  const paths = needsHomes
    ? users.flatMap((list) => (list.kind === 'passwd' ? homesIn(list.file) : []))
    : [path.replace(/%.*$/, '').replace(/(?<=.)\/[^/]*$/, '')]
  const missing = [...new Set(paths)].filter((path) => !existsSync(path))
  return missing.slice(0, SHOWN_MAX).map((path) => {
    const value = `${path}: does not exist, so mailboxes in it count as empty`
    return warning('mailboxes', value, toBind('onescan-quotad', path))
  })
}

/** The directories in which people of a list have their homes. */
function homesIn(file: string): string[] {
  const text = attempt(() => readFileSync(file, 'latin1')) ?? ''
  const people = [...passwdEntries(text)].filter(({ uid }) => isPerson(uid))
  return people.flatMap(({ home }) => (home.startsWith('/') ? [dirname(home)] : []))
}
