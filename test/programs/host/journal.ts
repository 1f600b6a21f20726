import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { lacks } from '../../needs.mjs'

const REMOTE = '/lib/systemd/systemd-journal-remote'
/** journalctl(1) follows that of this boot. */
const BOOT = readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').replace(/[-\n]/g, '')

/** Why no journal can be made here, or false. */
export const journalMissing: string | false = lacks('journalctl', 'systemd-journal-remote')

/** An entry by its fields, systemd.journal-fields(7), and when it was written, in milliseconds. */
export interface JournalEntry {
  readonly time: number
  readonly fields: Readonly<Record<string, string>>
}

/**
 * Makes a journal as systemd-journald(8) writes it, by systemd-journal-remote(8) from the Journal
 * Export Format.
 */
export function makeJournal(file: string, entries: readonly JournalEntry[]): void {
  mkdirSync(dirname(file), { recursive: true })
  const exported = entries.map(({ time, fields }, index) => {
    const stamps = [`__REALTIME_TIMESTAMP=${time * 1000}`, `__MONOTONIC_TIMESTAMP=${index + 1}`]
    const all = Object.entries({ _BOOT_ID: BOOT, ...fields }).map(
      ([name, text]) => `${name}=${text}`,
    )
    return `${[...stamps, ...all].join('\n')}\n\n`
  })
  const input = `${file}.export`
  writeFileSync(input, exported.join(''))
  execFileSync(REMOTE, [`--output=${file}`, input], { stdio: ['ignore', 'ignore', 'pipe'] })
}
