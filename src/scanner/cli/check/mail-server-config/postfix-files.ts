import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type CheckLine, failure } from '../../../../base/check/check-line.ts'
import { attempt } from '../../../../base/errors/fault.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { formatMode } from '../../../../base/text/units.ts'
import {
  type Accounts,
  findAccount,
  groupId,
  groupName,
  nameOrNumber,
} from '../../../readiness/host/account.ts'
import { askSystemd } from '../../host/systemd-unit.ts'
import { startCommand } from '../services/starts-at-boot.ts'
import type { Postfix } from './postconf.ts'
import { mayExist } from './unreachable-milter.ts'

/** A directory or program of Postfix, as its file postfix-files describes it. */
interface PostfixFile {
  readonly path: string
  readonly isDirectory: boolean
  readonly owner: string
  /** Its group, if that matters. */
  readonly group: string | undefined
  readonly mode: number
}

/** The directories of the queue without which no mail is accepted or delivered, or none of local programs. */
const QUEUES = ['incoming', 'active', 'deferred', 'defer', 'bounce', 'private', 'maildrop']

/** It goes through the list, and fails where a manual page is not installed: these are at the end. */
const SETS_ALL = 'postfix set-permissions'

/** Returns the command that starts Postfix again: that of its unit, which on Debian 12 stays active without it, or this. */
export function howToStartPostfix(command: string): string {
  const unit = askSystemd('postfix.service')
  return unit === undefined ? command : startCommand('postfix', unit, 'restart')
}

/**
 * Returns a check line if owners or modes of Postfix's directories and programs are not those of its own list, and stop mail.
 * Other differences, such as a more open mode, are not reported.
 */
export function checkPostfixFiles(postfix: Postfix): CheckLine[] {
  const { main, queue, programs, accounts } = postfix
  // Postfix makes its directories at its first start.
  if (!mayExist(queue)) return []
  const { daemon_directory: daemons = '', command_directory: commands = '' } = main
  const needed = new Set([
    ...[queue, daemons, main.sendmail_path, join(commands, 'postdrop')],
    ...QUEUES.map((name) => join(queue, name)),
    ...[...programs.values()].map((name) => join(daemons, name)),
  ])
  const faults = listed(main).flatMap((file) => {
    const fault = needed.has(file.path) ? differenceOf(file, accounts) : undefined
    return fault === undefined ? [] : [`${shellWord(file.path)} ${fault}`]
  })
  if (faults.length === 0) return []
  const rest = faults.length > 1 ? `, and ${faults.length - 1} more paths have such a fault` : ''
  const value = `${faults[0]}${rest}: mail waits, or is not accepted`
  return [failure('postfix-files', value, `${SETS_ALL}; ${howToStartPostfix('postfix reload')}`)]
}

/** Reads the lists of an installation. The packages of its maps add theirs. */
function listed(main: Postfix['main']): PostfixFile[] {
  const list = join(main.meta_directory || '/etc/postfix', 'postfix-files')
  const more = (attempt(() => readdirSync(`${list}.d`)) ?? []).map((name) => `${list}.d/${name}`)
  return [list, ...more].flatMap((path) =>
    parseFiles(String(attempt(() => readOwnFile(path)) ?? ''), main),
  )
}

/** Parses lines `$queue_directory/active:d:$mail_owner:-:700:ucr`, with these parameters, as post-install of Postfix does. */
export function parseFiles(text: string, main: Postfix['main']): PostfixFile[] {
  return text.split('\n').flatMap((line) => {
    const [path = '', type, owner = '', group, mode = '', flags = ''] = line
      .split(':')
      .map((field) => field.replace(/\$(\w+)/g, (word, name: string) => main[name] ?? word))
    if ((type !== 'd' && type !== 'f') || !path.startsWith('/') || flags.includes('o')) return []
    const isDirectory = type === 'd'
    return [
      {
        path,
        isDirectory,
        owner,
        group: group === '-' ? undefined : group,
        mode: Number.parseInt(mode, 8),
      },
    ]
  })
}

function differenceOf(file: PostfixFile, accounts: Accounts): string | undefined {
  const { path, isDirectory, owner, group, mode } = file
  const found = attempt(() => statSync(path))
  if (found === undefined) return isDirectory && !mayExist(path) ? 'does not exist' : undefined
  // Root may use what belongs to another account.
  const uid = owner === 'root' ? found.uid : findAccount(accounts, owner, 'primary')?.uid
  if (isDirectory && uid !== undefined && found.uid !== uid)
    return `belongs to ${nameOrNumber(accounts, found.uid)} instead of ${owner}`
  const gid = group && groupId(accounts, group)
  if (gid !== undefined && found.gid !== gid)
    return `has the group ${groupName(accounts, found.gid)} instead of ${group}`
  return (found.mode & neededOf(file)) === neededOf(file)
    ? undefined
    : `has mode ${formatMode(found.mode)} instead of ${formatMode(mode)}`
}

/** The bits without which its users fail: all programs search a directory of root, and master(8) starts programs. */
function neededOf({ isDirectory, owner, mode }: PostfixFile): number {
  if (!isDirectory) return mode & 0o2100
  return mode & (owner === 'root' ? 0o111 : 0o770)
}
