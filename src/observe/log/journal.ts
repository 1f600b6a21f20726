import { readdirSync } from 'node:fs'
import type { LogSource } from './sources.ts'

/** Where systemd-journald(8) keeps it, a directory for each machine: what lasts, and what does not. */
const DIRECTORIES = ['/var/log/journal', '/run/log/journal']

/**
 * What onescan's lines are known by: onescand's unit, the facility of mail servers, which the unit
 * sets, and the name under which the slot writes to /dev/log. + joins what goes before and behind it.
 */
const MATCHES = [
  '_SYSTEMD_UNIT=onescand.service',
  '+',
  'SYSLOG_FACILITY=2',
  '+',
  'SYSLOG_IDENTIFIER=onescan',
]

/** How much is shown of what was there before, where it is followed: lines. */
const LINES_BEFORE = 10

/** Whether this host has one. */
export function hasJournal(): boolean {
  return DIRECTORIES.some((directory) => {
    try {
      return readdirSync(directory, { withFileTypes: true }).some((entry) => entry.isDirectory())
    } catch {
      return false // not there
    }
  })
}

/** The journal of this host from `since` to `until`, milliseconds since 1970; and on from there. */
export function journalSource(
  { since, until }: { readonly since: number | undefined; readonly until: number | undefined },
  follow: boolean,
): LogSource {
  const from = since === undefined ? [] : [`--since=@${(since / 1000).toFixed(3)}`]
  const to = until === undefined ? [] : [`--until=@${(until / 1000).toFixed(3)}`]
  const on = follow
    ? ['--follow', since === undefined ? `--lines=${LINES_BEFORE}` : '--no-tail']
    : []
  const options = ['--quiet', '--no-pager', '--output=short-unix', ...from, ...to, ...on]
  const command = ['journalctl', ...options, ...MATCHES] as const
  return { files: [{ path: 'the journal', size: 0, modified: Date.now(), command }], label: '' }
}
