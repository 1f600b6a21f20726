import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { isRunning } from '../programs/host/is-running.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import { type RunResult, runFile } from './run-file.mjs'
import { until } from './until.ts'

const root = join(import.meta.dirname, '../..')

/** Runs a test file with this text; its cases as [result, name]. */
async function run(
  t: Test,
  text: string,
  hangsAfter = 60,
  results: RunResult[] = [],
): Promise<[string, string][]> {
  const directory = openDirectory(t)
  for (const name of ['node_modules', 'package.json'])
    symlinkSync(join(root, name), join(directory, name))
  mkdirSync(join(directory, 'test'))
  for (const name of ['before-tests.mjs', 'needs.mjs', 'run'])
    symlinkSync(join(root, 'test', name), join(directory, 'test', name))
  writeFileSync(join(directory, 'test/some.test.ts'), `import t from 'tap'\n${text}`)
  await runFile('test/some.test.ts', {
    node: process.execPath,
    root: directory,
    env: process.env,
    hangsAfter,
    onResult: (result) => results.push(result),
  })
  t.same(
    results.map(({ name }) => name),
    ['test/some.test.ts'],
  )
  return results.flatMap(({ cases }) =>
    cases.map(({ result, name }): [string, string] => [result, name]),
  )
}

t.test('a test file that passes has the results of its cases', async (t) => {
  t.same(
    await run(
      t,
      "t.test('good', async (t) => { t.ok(true) })\nt.test('later', { skip: 'x' }, () => {})",
    ),
    [
      ['passed', 'good'],
      ['skipped', 'later'],
    ],
  )
})

t.test('the processor time of a file includes that of programs which it starts', async (t) => {
  const results: RunResult[] = []
  const busy = 'while (process.cpuUsage().user < 300_000);'
  await run(t, `${busy}\n(await import('node:child_process')).execFileSync(process.execPath, ['-e', '${busy}'])`, 60, results) // biome-ignore format: a line
  t.ok(results[0]!.processor > 0.6, `${results[0]!.processor} s`)
})

t.test('a failed case is reported once', async (t) => {
  t.same(await run(t, "t.test('bad', async (t) => { t.ok(false) })"), [['failed', 'bad']])
})

t.test('an uncaught error fails the case that it comes from', async (t) => {
  const errors = {
    timer: "setTimeout(() => { throw new Error('x') }, 9)",
    rejection: "Promise.reject(new Error('x'))",
    event: "process.once('x', () => { throw 1 }); setImmediate(() => process.emit('x'))",
  }
  const cases = Object.entries(errors).map(
    ([name, error]) => `t.test('${name}', async () => { ${error}; await new Promise(() => {}) })\n`,
  )
  const good = "t.test('good', async (t) => { await new Promise((r) => setTimeout(r, 99)) })"
  const beside = `t.test('at once', { jobs: 2 }, async (t) => { ${cases[0]} ${good} })`
  const results = await run(t, [...cases, beside, good].join('\n'))
  const failed = results.filter(([result]) => result === 'failed').map(([, name]) => name)
  t.same(failed, ['timer', 'rejection', 'event', 'at once > timer'])
  t.same(results.length, 6)
})

t.test('a file that tap itself does not get to see has failed', async (t) => {
  const [[result, name] = []] = await run(t, "throw new Error('at the start')")
  t.equal(result, 'failed')
  t.match(name, /./)
})

t.test('a file whose process ends early has failed, whatever its exit code', async (t) => {
  const good = "t.test('good', async (t) => { t.ok(true) })\n"
  const late = (how: string) => `${good}t.test('late', async () => { ${how} })`
  for (const how of ['process.exit(0)', "process.kill(process.pid, 'SIGKILL')"]) {
    const cases = await run(t, late(how))
    t.same(cases[0], ['passed', 'good'], how)
    t.ok(
      cases.slice(1).some(([result]) => result === 'failed'),
      how,
    )
  }
  const silent = await run(t, 'process.removeAllListeners(); process.reallyExit(0)')
  t.same(silent, [['failed', 'the file: it ended before its last test']])
})

const failures = (cases: readonly [string, string][]) =>
  cases.filter(([result]) => result === 'failed').map(([, name]) => name)

t.test('a file without progress is ended, and names what it waits for', async (t) => {
  const text = `import { until } from './run/until.ts'
    t.test('good', async (t) => { t.ok(true) })
    t.test('waits', async () => { await until(() => false, 'what never comes') })`
  const names = failures(await run(t, text, 3))
  t.ok(names.includes('the file: waits for what never comes'), names.join('\n'))
  t.ok(names.includes('the file: no progress for 3 s'), names.join('\n'))
  t.ok(names.includes('waits'), names.join('\n'))
})

t.test('a file that works without writing a line is not ended', async (t) => {
  const works =
    'const end = Date.now() + 2500; while (Date.now() < end) for (let n = 0; n < 1e6; n++);'
  const text = `t.test('good', async (t) => { ${works} t.ok(true) })`
  t.same(failures(await run(t, text, 1)), [])
})

t.test('a test file that asks again and again, and writes no line, is ended', async (t) => {
  const text = `t.test('polls', async () => {
      for (;;) { for (let n = 0; n < 1e6; n++); await new Promise((resolve) => setTimeout(resolve, 5)) }
    })`
  const names = failures(await run(t, text, 1))
  t.ok(names.includes('the file: no progress for 1 s'), names.join('\n'))
})

t.test('a file that prints while it waits ends, too', async (t) => {
  const text = `t.test('prints', async () => {
      for (;;) { console.log('# waits'); await new Promise((resolve) => setTimeout(resolve, 50)) }
    })`
  const names = failures(await run(t, text, 1))
  t.ok(names.includes('the file: no progress for 1 s'), names.join('\n'))
})

t.test('a process that a file leaves running fails it, and is ended', async (t) => {
  const text = `import { spawn } from 'node:child_process'
    t.test('good', async (t) => { 
      spawn('sleep', ['4321'], { detached: true, stdio: 'ignore' }).unref()
    })`
  const [name = ''] = failures(await run(t, text))
  const [, pid] = /^the file: processes were left: (\d+) sleep 4321$/.exec(name) ?? []
  t.ok(pid, name)
  await until(() => !isRunning(Number(pid)), 'it ends')
})

t.test('a program for which no test has asked is not started', async (t) => {
  const start = "(await import('node:child_process')).spawnSync('swaks', ['--version'])"
  t.same(failures(await run(t, `t.test('swaks', async () => { ${start} })`)), ['swaks'])
  const asks = "import { lacks } from './needs.mjs'\nlacks('swaks')\n"
  t.same(failures(await run(t, `${asks}t.test('swaks', async () => { ${start} })`)), [])
})
