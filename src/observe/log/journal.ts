import { readdirSync } from 'node:fs'
import type { LogSource } from './sources.ts'

/**
 * Where systemd-journald(8) keeps the journal, in a directory for each machine: on disk, in memory.
 */
const DIRECTORIES = ['/var/log/journal', '/run/log/journal']

/**
 * The matches of journalctl(1) that find onescan's lines: by onescand's unit, by the facility of
 * mail servers, which the unit sets, and by the name under which the slot writes to /dev/log. +
 * means *or*.
 */
const MATCHES = [
  '_SYSTEMD_UNIT=onescand.service',
  '+',
  'SYSLOG_FACILITY=2',
  '+',
  'SYSLOG_IDENTIFIER=onescan',
]

/** How many older lines are shown before new ones are followed. */
const LINES_BEFORE = 10

/** Whether this host has a journal. */
export function hasJournal(): boolean {
  return DIRECTORIES.some((directory) => {
    try {
      return readdirSync(directory, { withFileTypes: true }).some((entry) => entry.isDirectory())
    } catch {
      return false // there is no such directory
    }
  })
}

/**
 * Returns the journal of this host as a log, from `since` to `until` in milliseconds since 1970.
 * With `follow` it goes on with new lines.
 */
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
