// What onescan-runtime is made from: all programs, and the choice of one by the name
// that launch.c hands on. Only the one that is chosen is loaded.
import { writeSync } from 'node:fs'
import { programs } from './program-list.cjs'

/** The first argument of launch.c, which explains it. */
const MARKER = 'login'
const FAILED = 120

process.exitCode = FAILED

const [, , marker, name = '', launcher = '', ...args] = process.argv
if (marker === MARKER && Object.hasOwn(programs, name)) {
  // As node would have it: runtime, program, arguments.
  process.argv = [process.execPath, launcher, ...args]
  const { load, until } = programs[name]
  process.exitCode = until
  load().catch((error) => giveUp(until, String(error?.message)))
} else {
  const names = Object.keys(programs).join(', ')
  giveUp(FAILED, `called as ${name || 'nothing'}; call one of ${names}, which start this runtime`)
}

async function giveUp(code, why) {
  const reason = why.replace(/[^ -~]|["\\]/g, '?')
  try {
    // If descriptor 2 of the slot is no log, a line there may go into a stranger's bounce.
    const mayWrite = name !== 'onescan-queue' || (await writesToLog())
    if (mayWrite) {
      writeSync(2, `onescan: decision=defer fault=bug reason="${reason}" exit=${code}\n`)
    }
  } catch {
    // Nobody reads it: the code must do.
  }
  process.exit(code)
}

async function writesToLog() {
  const { isLog } = await import('../../bin/is-log.cjs')
  return isLog(process.env)
}
