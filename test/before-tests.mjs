// Loaded before each test file (package.json, "tap").
import { existsSync } from 'node:fs'
import { registerHooks } from 'node:module'
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

if (existsSync(tapInOneFile)) {
  const tap = { url: tapInOneFile.href, shortCircuit: true }
  registerHooks({
    resolve: (name, context, next) => (name === 'tap' ? tap : next(name, context)),
  })
}
