import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { startOf } from '../../shared/running-daemons.ts'
import { type Finding, warning } from '../shared/finding.ts'

/** Postfix's programs that ask milters. */
const ASKING = ['smtpd', 'cleanup']
/** Milliseconds by which a file's time and a start may differ. */
const AT_ONCE = 2000

/**
 * Programs of Postfix that were started before main.cf was changed: each reads it at its start, and
 * serves many clients. They are known by their name and their directory, the queue's.
 */
export function checkOldProcesses(processes: string, file: string, queue: string): Finding[] {
  let changed: number
  let pids: string[]
  try {
    changed = statSync(file).mtimeMs
    pids = readdirSync(processes).filter((name) => /^\d+$/.test(name))
  } catch {
    return [] // told by who reads it; no proc(5)
  }
  const old = pids.filter((pid) => {
    try {
      const at = (name: string) => join(processes, pid, name)
      const name = readFileSync(at('comm'), 'latin1').trim()
      if (!ASKING.includes(name) || readlinkSync(at('cwd')) !== queue) return false
      return startOf(processes, pid) + AT_ONCE < changed
    } catch {
      return false // has ended meanwhile, or is not ours to see
    }
  })
  if (old.length === 0) return []
  const value = `${file} has changed, and ${old.length} of its processes still do what it said before`
  return [warning('Postfix', value, 'postfix reload')]
}
