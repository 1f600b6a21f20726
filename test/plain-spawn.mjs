// Loaded before each test file (package.json, "tap"). The test runner rewrites
// the environment of every process that a test starts, for coverage that this
// project does not take. Programs under test must see what the test gave them
// and nothing else, so this undoes it.
globalThis[Symbol.for('process-on-spawn@*:singletonId')]?.unwrap()

delete process.env.NODE_COMPILE_CACHE // test/run.mjs sets it for the tests themselves
for (const [name, value] of Object.entries(process.env)) {
  if (name.startsWith('_TAPJS_') || (name === 'NODE_OPTIONS' && value?.includes('@tapjs/'))) {
    delete process.env[name]
  }
}
