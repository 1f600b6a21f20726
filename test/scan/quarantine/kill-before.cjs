/**
 * A preload for the built command line: it kills the process with SIGKILL before a call, which
 * KILL_BEFORE names with its number, as "rename 2". Calls are counted from the first rename(2) on, by
 * which a release takes its message.
 */
const childProcess = require('node:child_process')
const fs = require('node:fs')

const [fatalName, fatalNumber] = (process.env.KILL_BEFORE ?? '').split(' ')
let hasBegun = false
let count = 0

/** @param {Record<string, Function>} module @param {string} name */
function watch(module, name) {
  const original = module[name]
  /** @this {unknown} @param {readonly unknown[]} args */
  module[name] = function (...args) {
    hasBegun ||= name === 'rename'
    if (hasBegun && name === fatalName && ++count === Number(fatalNumber)) {
      process.kill(process.pid, 'SIGKILL')
    }
    return original.apply(this, args)
  }
}

for (const name of ['open', 'rename']) watch(fs.promises, name)
for (const name of ['readSync', 'writeSync']) watch(fs, name)
watch(childProcess, 'spawn')
