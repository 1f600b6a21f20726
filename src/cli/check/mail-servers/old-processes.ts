import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startOf } from '../../shared/running-daemons.ts'
import { type Finding, warning } from '../shared/finding.ts'

/** The programs of Postfix that ask milters. */
const ASKING = ['smtpd', 'cleanup']
/** A file's time and a start that differ by less, in milliseconds, count as the same. */
const AT_ONCE = 2000

/**
 * Programs of Postfix that were started before main.cf was last changed: each reads it when it
 * starts, and then serves many clients. They are known by their name and by their directory, which
 * is the queue.
 */
export function checkOldProcesses(processes: string, file: string, queue: string): Finding[] {
  let changed: number
  let pids: string[]
  try {
    changed = statSync(file).mtimeMs
    pids = readdirSync(processes).filter((name) => /^\d+$/.test(name))
  } catch {
    return [] // the reader of main.cf reports it; or there is no proc(5)
  }
  const old = pids.filter((pid) => {
    try {
      const at = (name: string) => join(processes, pid, name)
      const name = readFileSync(at('comm'), 'latin1').trim()
      if (!ASKING.includes(name) || readlinkSync(at('cwd')) !== queue) return false
      return startOf(processes, pid) + AT_ONCE < changed
    } catch {
      return false // has ended meanwhile, or belongs to another user
    }
  })
  if (old.length === 0) return []
  const value = `${file} has changed, and ${old.length} of its processes still have its old settings`
  return [warning('Postfix', value, 'postfix reload')]
}
