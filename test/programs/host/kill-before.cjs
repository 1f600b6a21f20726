/**
 * A preload for the built command line: it kills the process with SIGKILL before a call, whose number
 * KILL_BEFORE has; if it has none, it writes the number of calls into the file CALLS. Calls are counted
 * from the first rename(2) on, by which a release takes its message.
 */
const childProcess = require('node:child_process')
const fs = require('node:fs')

const fatal = Number(process.env.KILL_BEFORE)
let count = 0

/** @param {Record<string, Function>} module @param {string} name */
function watch(module, name) {
  const original = module[name]
  /** @this {unknown} @param {readonly unknown[]} args */
  module[name] = function (...args) {
    if ((count > 0 || name === 'rename') && ++count === fatal) process.kill(process.pid, 'SIGKILL')
    return original.apply(this, args)
  }
}

for (const name of ['open', 'rename']) watch(fs.promises, name)
for (const name of ['readSync', 'writeSync']) watch(fs, name)
watch(childProcess, 'spawn')

process.on('exit', () => {
  if (process.env.CALLS) fs.writeFileSync(process.env.CALLS, String(count))
})
