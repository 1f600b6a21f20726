import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type Finding, warning } from '../../../ground/errors/finding.ts'
import { startOf } from '../../../ground/process/process-stat.ts'

/** The programs of Postfix that ask milters. */
const ASKING = ['smtpd', 'cleanup']
/** Milliseconds. A file that was changed less than that after a start counts as older. */
const AT_ONCE = 2000

/**
 * Reports programs of Postfix that were started before main.cf was last changed: each reads main.cf
 * when it starts, and then serves many clients. A program of Postfix is recognised by its name and by
 * its working directory, the queue.
 */
export function checkOldProcesses(processes: string, file: string, queue: string): Finding[] {
  let changed: number
  let pids: string[]
  try {
    changed = statSync(file).mtimeMs
    pids = readdirSync(processes).filter((name) => /^\d+$/.test(name))
  } catch {
    return [] // readPostfix() reports main.cf; or there is no proc(5)
  }
  const old = pids.filter((pid) => {
    try {
      const at = (name: string) => join(processes, pid, name)
      const name = readFileSync(at('comm'), 'latin1').trim()
      if (!ASKING.includes(name) || readlinkSync(at('cwd')) !== queue) return false
      return startOf(processes, pid) + AT_ONCE < changed
    } catch {
      return false // it has ended meanwhile, or belongs to another user
    }
  })
  if (old.length === 0) return []
  const value = `${file} has changed, and ${old.length} of its processes still have its old settings`
  return [warning('Postfix', value, 'postfix reload')]
}
