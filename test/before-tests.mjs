// Loaded before each test file (package.json, "tap").
import childProcess, { ChildProcess } from 'node:child_process'
import { existsSync, writeSync } from 'node:fs'
import { registerHooks, syncBuiltinESMExports } from 'node:module'
import { refuseUndeclared } from './needs.mjs'
import { ticksOf } from './run/processes.mjs'
import { tapInOneFile } from './run/tap-in-one-file.mjs'

// The test runner rewrites the environment of every process that a test starts, for coverage that
// this project does not take. Programs under test must see what the test gave them and nothing
// else, so this undoes it.
globalThis[Symbol.for('process-on-spawn@*:singletonId')]?.unwrap()

delete process.env.NODE_COMPILE_CACHE // test/run.mjs sets it for the tests themselves
for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('_TAPJS_') || (name === 'NODE_OPTIONS' && value?.includes('@tapjs/'))) {
    delete process.env[name]
  }
}

// A test that starts a program asks first whether the machine has it.
const { spawn } = ChildProcess.prototype
ChildProcess.prototype.spawn = function (options) {
  refuseUndeclared(options.file)
  return spawn.call(this, options)
}
for (const name of ['spawnSync', 'execFileSync']) {
  const start = childProcess[name]
  childProcess[name] = (program, ...more) => {
    refuseUndeclared(program)
    return start(program, ...more)
  }
}
syncBuiltinESMExports()

// test/run/run-file.mjs sends it to a file that hangs. Once more, it reaches tap, which names the tests that wait.
process.once('SIGALRM', () => {
  for (const what of globalThis.onescanWaits ?? []) process.stdout.write(`# waits for ${what}\n`)
  process.kill(process.pid, 'SIGALRM')
})

// For test/run/run-file.mjs. Servers that run on after a program that this file started are not in it.
process.on('exit', () => {
  try {
    writeSync(1, `\n# processor ${ticksOf(['self']) / 100}\n`)
  } catch {
    // Nobody reads the results any longer.
  }
})

const tap = existsSync(tapInOneFile) && { url: tapInOneFile.href, shortCircuit: true }
const ownSource = /^\.\.?\/.*\.ts$/

registerHooks({
  /**
   * A source of our own is where the import points: to look for each in the file system takes a fifth of
   * the processor time in which a test file loads.
   */
  resolve(name, context, next) {
    if (tap && name === 'tap') return tap
    if (!ownSource.test(name)) return next(name, context)
    const { href } = new URL(name, context.parentURL)
    return { url: href, format: 'module-typescript', shortCircuit: true }
  },
})
