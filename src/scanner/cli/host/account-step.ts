import { basename } from 'node:path'
import { type Accounts, findAccount, groupId } from '../../readiness/host/account.ts'

/** A program between tcpserver and qmail-smtpd that changes the account, and nothing else. */
interface AccountStep {
  readonly uid: number
  /** All groups that it sets. */
  readonly groups: readonly number[]
  /** Its place among the words: from its name up to the next program. */
  readonly from: number
  readonly to: number
}

/**
 * Finds the first step among the words of a command line that sets user and groups: chpst(8) with `-u` alone, or
 * setpriv(1). tcpserver(1) itself gives only one group. Returns undefined if there is none, if it has other options, or
 * if it names an account that does not exist.
 */
export function findAccountStep(
  words: readonly string[],
  accounts: Accounts,
): AccountStep | undefined {
  const from = words.findIndex((word) => /^(chpst|setpriv)$/.test(basename(word)))
  if (from < 0) return undefined
  const rest = words.slice(from + 1)
  const step =
    basename(words[from]!) === 'chpst' ? ofChpst(rest, accounts) : ofSetpriv(rest, accounts)
  if (step?.uid === undefined) return undefined
  const groups = step.groups.filter((gid) => gid !== undefined)
  if (groups.length < step.groups.length) return undefined
  return { uid: step.uid, groups: [...new Set(groups)], from, to: from + 1 + step.length }
}

/** What a step sets, with undefined for an unknown name, and the number of words of its options. */
interface SetByStep {
  readonly uid: number | undefined
  readonly groups: readonly (number | undefined)[]
  readonly length: number
}

/** `-u USER[:GROUP...]`, or with numbers `-u :UID[:GID...]`. Without a group it sets that of the user alone. */
function ofChpst(words: readonly string[], accounts: Accounts): SetByStep | undefined {
  const [option = '', value = '', next = ''] = words
  if (option !== '-u' || next.startsWith('-')) return undefined
  const [user = '', ...groups] = value.replace(/^:/, '').split(':')
  const account = findAccount(accounts, user, 'primary')
  return {
    uid: uidOf(user, accounts),
    groups: groups.length > 0 ? groups.map((name) => gidOf(name, accounts)) : [account?.groups[0]],
    length: 2,
  }
}

/** `--reuid`, `--regid`, and one of `--groups`, `--clear-groups` and `--init-groups`. */
function ofSetpriv(words: readonly string[], accounts: Accounts): SetByStep | undefined {
  const options = new Map<string, string>()
  let length = 0
  for (let word = words[0]; word?.startsWith('-'); word = words[length]) {
    const [, name = '', inline] = /^--([a-z-]+)(?:=(.*))?$/.exec(word) ?? []
    length += 1
    if (FLAGS.has(name)) options.set(name, '')
    else if (VALUED.has(name)) options.set(name, inline ?? words[length++] ?? '')
    else return undefined
  }
  const [user = '', group = ''] = ['reuid', 'regid'].map((name) => options.get(name))
  const more = options.get('groups')?.split(',') ?? []
  const all = options.has('init-groups') ? findAccount(accounts, user, 'all')?.groups : []
  return {
    uid: uidOf(user, accounts),
    groups: [...[group, ...more].map((name) => gidOf(name, accounts)), ...(all ?? [])],
    length,
  }
}

const VALUED = new Set(['reuid', 'regid', 'groups'])
const FLAGS = new Set(['clear-groups', 'init-groups', 'no-new-privs'])

const uidOf = (name: string, accounts: Accounts) =>
  /^\d+$/.test(name) ? Number(name) : findAccount(accounts, name, 'primary')?.uid

const gidOf = (name: string, accounts: Accounts) =>
  /^\d+$/.test(name) ? Number(name) : groupId(accounts, name)
