// `npm test` runs the tests that show that the product works, in a few minutes. `npm run test:all` also runs the rest,
// which needs more programs and time, and `npm run test:nightly` all cases. With names of test files it runs only those;
// with `--changed [COMMIT]` those of the folders in which files differ from that commit (by default HEAD). A line at the
// end shows what was not run.
//
// The last line is "N passed, N failed", with ", N skipped" if tests lack a program. With CI=true skipped tests count as
// failed. Above it are the failures with their reasons, in one or two lines each, and the files that took longest.
//
// If only a few files failed, each is run once more, alone. If it fails again, it has failed. If it passes, it is listed as
// unsteady: the test or the product has to be corrected.
//
// It is plain JavaScript that needs only Node and npm: it starts on the machine's Node, and installs its packages.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { lacks } from '../needs.mjs'
import { changedSince, testsOf } from './changed.mjs'
import { buildHost, enterHost, hostMissing, isOnHost, keepLayerInMemory } from './host.mjs'
import { idleMeter } from './idle.mjs'
import { OFFLINE } from './install.mjs'
import { longestFirst } from './order.mjs'
import { filesOf, leftOut } from './parts.mjs'
import { runFile } from './run-file.mjs'
import { failedFiles, gistOf, seconds, timeLines } from './summary.mjs'
import { tapDomain, tapInOneFile } from './tap-in-one-file.mjs'
import { temporaryDirectory } from './temporary.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const tools = join(root, 'node_modules/.bin')
const inCi = process.env.CI === 'true'
/** The part of the tests that is run: quick, rest, all or nightly. */
const part = process.env.TESTS || 'quick'
const files = filesToRun(process.argv.slice(2))
const started = performance.now()

/**
 * The number of test files at a time on two processors: most wait for mail servers for more than half of their time,
 * in which others can run.
 */
const JOBS = 12
/** The number of test files at a time if the processors are busy: more would only delay each other. */
const JOBS_OF_BUSY = 5
/** The processors are busy if less than this share of the last second was idle. */
const IDLE = 0.2

const passed = []
/** The failures, each with lines about the reason. */
const failed = []
const skipped = []
/** The files that failed among others and passed alone, as in `failed`. */
const unsteady = []
/** The results of each test file; if it ran twice, those of the second run. */
const results = new Map()

/** If more files fail, none of them is run again: that is no coincidence. */
const AGAIN_MAX = 6

/** Returns the test files that the command line selects, or none for the default. */
function filesToRun([first, ...more]) {
  if (first !== '--changed') {
    const named = first === undefined ? [] : [first, ...more]
    const missing = named.find((name) => !existsSync(join(root, name)))
    if (missing === undefined) return named
    process.stdout.write(`${missing}: no such file\n0 passed, 1 failed\n`)
    process.exit(1)
  }
  const concerned = testsOf(changedSince(more[0] ?? 'HEAD', root), allFiles())
  if (concerned.length > 0) return concerned
  process.stdout.write('nothing that has tests is changed\n0 passed, 0 failed\n')
  process.exit(0)
}

/** Returns the test files. Packages are not looked into: npm may be installing them. */
function allFiles(directory = 'test') {
  const entries = readdirSync(join(root, directory), { withFileTypes: true })
  const below = entries.flatMap((entry) => {
    const path = `${directory}/${entry.name}`
    if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : allFiles(path)
    return path.endsWith('.test.ts') ? [path] : []
  })
  return below.sort()
}

const filesOfRun = () => (files.length > 0 ? files : filesOf(part, allFiles()))

/**
 * Installs the packages of the lock files, and on the host of the tests the Debian packages, concurrently. Later runs find
 * them installed. Then runs the tests on that host, if this machine can have it.
 */
async function install() {
  process.stdout.write('packages, and programs that tests need\n')
  const locked = ['.', 'packaging/toolchain', 'test/programs/clamd-clients'].map((directory) =>
    runAndReport(process.execPath, ['packaging/toolchain/install-locked.mjs', directory]),
  )
  const why = hostMissing(root)
  const has = (part) => filesOfRun().every((name) => filesOf(part, allFiles()).includes(name))
  const needed = ['quick', 'all'].find(has) ?? 'nightly'
  const words = [process.execPath, 'test/run/install.mjs', needed]
  if (why !== false) process.stdout.write(`no host of its own for the tests: ${why}\n`)
  const status = why === false ? buildHost(root, words) : await runHere(words)
  const troubles = await Promise.all(locked)
  if (troubles.some((trouble) => trouble !== '')) {
    process.stdout.write('0 passed, 1 failed\n')
    process.exit(1)
  }
  const env = status === OFFLINE ? { ONESCAN_TEST_OFFLINE: '1' } : {}
  Object.assign(process.env, env)
  if (why === false)
    enterHost(root, [process.execPath, 'test/run.mjs', ...process.argv.slice(2)], env)
}

/** Runs a command and shows its output immediately. Resolves to its exit code. */
const runHere = ([program, ...words]) =>
  new Promise((resolve) => {
    spawn(program, words, { cwd: root, stdio: 'inherit' }).on('exit', resolve).on('error', resolve)
  })

/** Upper limit, in bytes, for the temporary files of the tests at a time. */
const ROOM = 1024 ** 3

/** Exits with a message if there is not enough space for temporary files. */
function refuseFullDisk(directory) {
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  if (free >= ROOM) return
  const mib = (bytes) => Math.floor(bytes / 1024 ** 2)
  process.stdout.write(
    `${directory}: ${mib(free)} MiB are free, and the tests need ${mib(ROOM)}; make room, or set TMPDIR to a directory elsewhere\n`,
  )
  process.stdout.write('0 passed, 1 failed\n')
  process.exit(1)
}

/** Runs a check and shows its output below a title when it has ended. Resolves to the error, or to ''. */
async function runAndReport(command, args, { title = '', environment = process.env } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = []
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (bytes) => output.push(bytes))
  const trouble = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (status, signal) => resolve(status === 0 ? '' : `exit ${status ?? signal}`))
  })
  process.stdout.write(Buffer.concat([Buffer.from(title), ...output]))
  return trouble
}

/** Runs the checks concurrently. */
async function check(name, command, args) {
  const trouble = await runAndReport(command, args, { title: `${name}\n`, environment: env })
  if (trouble === '') return passed.push(name)
  process.stdout.write(`${name}: ${trouble}\n`)
  return failed.push({ name, why: [trouble] })
}

function skip(name, why) {
  process.stdout.write(`${name}: skipped, ${why}\n`)
  skipped.push(`${name}: ${why}`)
}

async function lintManual() {
  const name = 'man pages'
  const { man } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const why = lacks('mandoc')
  if (why === false) await check(name, 'mandoc', ['-T', 'lint', '-W', 'warning', ...man])
  else skip(name, why)
}

async function buildPrograms() {
  const why = lacks('C compiler')
  if (why !== false) return skip('build native', why)
  await check('build native', toolsNode, ['packaging/builds/build-native.mjs'])
  await check('build client', toolsNode, ['packaging/builds/build-client.mjs'])
}

/** Starts the checks of sources in a run of all files, and that of the manuals with tests of documents. */
function checksOfRun() {
  if (files.length === 0) return part === 'rest' ? undefined : checkSources()
  return files.some((file) => file.includes('test/documents/')) ? lintManual() : undefined
}

async function checkSources() {
  await check('type check', join(tools, 'tsc'), ['--noEmit'])
  await check('types of the page', join(tools, 'tsc'), [
    '--noEmit',
    '-p',
    'src/scanner/daemon/http/page',
  ])
  await check('lint', join(tools, 'biome'), ['check', '--error-on-warnings', '.'])
  await lintManual()
}

/**
 * Prepares tap once after an installation. package.json omits the TypeScript loader of tap, and tap rebuilds itself only
 * when it runs the first tests, which is too late. Then bundles it into one file, with one module replaced.
 */
async function prepareTap() {
  const made = statSync(tapInOneFile, { throwIfNoEntry: false })
  if (made && made.mtimeMs > statSync(tapDomain).mtimeMs) return
  if (!made) await check('tap build', toolsNode, [join(tools, 'tap'), 'build'])
  await check('tap in one file', join(tools, 'esbuild'), [
    ...['--bundle', '--platform=node', '--format=esm', '--minify-syntax', '--minify-whitespace'],
    "--banner:js=import { createRequire as from } from 'node:module'; const require = from(import.meta.url)",
    `--alias:async-hook-domain=${fileURLToPath(tapDomain)}`,
    `--outfile=${fileURLToPath(tapInOneFile)}`,
    join(root, 'node_modules/tap/dist/esm/index.js'),
  ])
}

/** For fewer test files, it takes longer to strip the types of all sources than of those that they load. */
const MANY_FILES = 100

async function stripTypes() {
  if (filesOfRun().length < MANY_FILES) return
  await check('types stripped', toolsNode, ['test/run/strip-types.mjs'])
}

async function runTests() {
  process.stdout.write('tests\n')
  await runFiles(filesOfRun(), JOBS)
  const bad = failedFiles([...results.values()])
  const amongOthers = results.size > 1 && bad.length <= AGAIN_MAX
  if (amongOthers && bad.length > 0) await runAgain(bad)
  for (const result of results.values()) count(result)
}

async function runAgain(names) {
  process.stdout.write('once more, each by itself\n')
  const before = names.map((name) => results.get(name))
  await runFiles(names, 1)
  const still = failedFiles([...results.values()])
  for (const { name, cases } of before) {
    if (!still.includes(name)) unsteady.push(...failuresOf(name, cases))
  }
}

/** Milliseconds between two lines about the files that are running. */
const PROGRESS = 30_000

/** Runs test files, several at a time. */
async function runFiles(names, jobs) {
  const waiting = longestFirst(names)
  /** The running files, each with the test in it that began last. */
  const running = new Map()
  const progress = setInterval(() => {
    const begun = `${names.length - waiting.length} of ${names.length} files begun`
    const files = [...running].map(([name, test]) => (running.size > 1 ? name : `${name}: ${test}`))
    const now = files.join(' ') || 'none: the processors are busy'
    process.stdout.write(`(${seconds(performance.now() - started)}, ${begun}; running: ${now})\n`)
  }, PROGRESS)
  // A second has room for one more file: what it takes is seen in the next one.
  let hasRoom = false
  const idleShare = idleMeter()
  const look = setInterval(() => {
    hasRoom = idleShare() > IDLE
  }, 1000)
  const worker = async (_, at) => {
    while (waiting.length > 0) {
      if (at >= JOBS_OF_BUSY && !hasRoom) await sleep(500)
      else {
        hasRoom = false
        const name = waiting.shift()
        running.set(name, 'begins')
        const onSubtest = (test) => running.set(name, test)
        await runFile(name, { node: toolsNode, root, env, onResult: show, onSubtest })
        running.delete(name)
      }
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  clearInterval(progress)
  clearInterval(look)
}

function show(result) {
  const { name: file, cases, time, processor } = result
  results.set(file, result)
  const number = (kind) => cases.filter((testCase) => testCase.result === kind).length
  const parts = ['passed', 'failed', 'skipped'].flatMap((kind) =>
    number(kind) > 0 ? [`${number(kind)} ${kind}`] : [],
  )
  const took = `${seconds(time)}, processor ${seconds(processor * 1000)}`
  process.stdout.write(`  ${file}: ${parts.join(', ') || 'no tests'}, ${took}\n`)
  for (const { name, result, detail } of cases) {
    if (result !== 'failed') continue
    process.stdout.write(`    failed: ${name}\n`)
    for (const line of detail) process.stdout.write(`      ${line}\n`)
  }
}

function count({ name: file, cases }) {
  failed.push(...failuresOf(file, cases))
  for (const { name, result, why } of cases) {
    const full = `${file}: ${name}`
    if (result === 'passed') passed.push(full)
    if (result === 'skipped') skipped.push(why ? `${full}: ${why}` : full)
  }
}

function failuresOf(file, cases) {
  return cases
    .filter(({ result }) => result === 'failed')
    .map(({ name, detail }) => ({ name: `${file}: ${name}`, why: gistOf(detail) }))
}

function summary() {
  if (inCi && skipped.length > 0) {
    process.stdout.write('skipped, which is a failure in CI:\n')
    for (const name of skipped) process.stdout.write(`  ${name}\n`)
    for (const name of skipped.splice(0)) failed.push({ name, why: [] })
  }
  if (skipped.length > 0) process.stdout.write('skipped:\n')
  for (const name of skipped) process.stdout.write(`  ${name}\n`)
  if (unsteady.length > 0) process.stdout.write('unsteady: failed among others, passed alone:\n')
  for (const failure of unsteady) printCase(failure)
  if (failed.length > 0) process.stdout.write('failed:\n')
  for (const failure of failed) printCase(failure)
  const lines = timeLines(performance.now() - started, [...results.values()])
  for (const line of lines) process.stdout.write(`${line}\n`)
  const left = files.length === 0 ? leftOut(part, allFiles()) : []
  for (const line of left) process.stdout.write(`${line}\n`)
  const parts = [`${passed.length} passed`, `${failed.length} failed`]
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`)
  process.stdout.write(`${parts.join(', ')}\n`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

function printCase({ name, why }) {
  const lines = [name, ...why.map((line) => `  ${line}`)]
  process.stdout.write(lines.map((line) => `  ${line}\n`).join(''))
}

// Programs of other users must be able to read files that are created here.
process.umask(0o022)
const TMPDIR = temporaryDirectory(process.env)
refuseFullDisk(TMPDIR ?? tmpdir())
if (!isOnHost()) {
  keepLayerInMemory(root, [process.execPath, 'test/run.mjs', ...process.argv.slice(2)])
  await install()
}
// The tools and the tests run on the Node of the toolchain, not on that of the machine.
const { newestNode, toolsNode } = await import('../../packaging/toolchain/toolchain.mjs')
const env = {
  ...process.env,
  PATH: [dirname(toolsNode), tools, process.env.PATH].join(delimiter),
  ...(TMPDIR && { TMPDIR }),
  // The checkout may belong to another user.
  ...{ GIT_CONFIG_COUNT: '1', GIT_CONFIG_KEY_0: 'safe.directory', GIT_CONFIG_VALUE_0: '*' },
}
if (newestNode === toolsNode) skip('the newest Node', lacks('libatomic'))
await Promise.all([check('build', toolsNode, ['packaging/builds/build-bundles.mjs']), prepareTap()])
const checked = checksOfRun()
await Promise.all([buildPrograms(), stripTypes()])
await runTests()
await checked
summary()
