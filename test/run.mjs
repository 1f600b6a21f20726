// `npm test`: everything that must hold before a change is good. With the names
// of test files, only those are run; with `--changed [COMMIT]` those of the rooms in which
// files differ from that commit (HEAD if there is none). TESTS=all (`npm run test:all`) runs all
// files, and all of each; without it a line at the end says what was left out.
//
// The last line is "N passed, N failed", with ", N skipped" where programs are
// missing that tests need. Where CI=true, what is skipped counts as failed. Above it stands
// what failed and why, in a line or two each, and which files took longest.
//
// A few files that failed while others ran are run once more, each by itself: what fails there
// again has failed, and what passes is named as unsteady, for somebody to mend.
//
// Plain JavaScript that needs nothing but Node and npm: it is started by whatever Node the
// machine has, and installs the packages that it works with.
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from './needs.mjs'
import { changedSince, testsOf } from './run/changed.mjs'
import { leftOut, withoutNightly } from './run/nightly.mjs'
import { openCheckout } from './run/open-checkout.mjs'
import { longestFirst } from './run/order.mjs'
import { runFile } from './run/run-file.mjs'
import { failedFiles, gistOf, seconds, timeLines } from './run/summary.mjs'
import { tapDomain, tapInOneFile } from './run/tap-in-one-file.mjs'
import { temporaryDirectory } from './run/temporary.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
openCheckout(root)
const tools = join(root, 'node_modules/.bin')
const inCi = process.env.CI === 'true'
const isWhole = process.env.TESTS === 'all'
const files = filesToRun(process.argv.slice(2))
const started = performance.now()

/**
 * Test files at a time, on two processors: most wait for mail servers for more than half of their
 * time, and others use the processors then. All of them take less processor time than half of the
 * clock's, and passed at a load of twenty.
 */
const JOBS = 10

const passed = []
/** Each with lines about why. */
const failed = []
const skipped = []
/** What passed alone and failed among others, as in `failed`. */
const unsteady = []
/** The results of each test file: the last, if it ran twice. */
const results = new Map()

/** More files than these do not fail by chance. */
const AGAIN_MAX = 3

/** Test files by the command line; none for all that are run each time. */
function filesToRun([first, ...more]) {
  if (first !== '--changed') return first === undefined ? [] : [first, ...more]
  const concerned = testsOf(changedSince(more[0] ?? 'HEAD', root), allFiles())
  if (concerned.length > 0) return concerned
  process.stdout.write('nothing that has tests is changed\n0 passed, 0 failed\n')
  process.exit(0)
}

function allFiles() {
  const below = readdirSync(join(root, 'test'), { recursive: true })
  const own = below.filter((name) => /\.test\.ts$/.test(name) && !name.includes('node_modules/'))
  return own.map((name) => `test/${name}`).sort()
}

const filesOfRun = () => (isWhole ? allFiles() : withoutNightly(allFiles()))

/** What the lock files name, and programs of Debian, all at once; a second run finds them there. */
async function install() {
  process.stdout.write('packages, and programs that tests need\n')
  const installers = [
    ['packaging/install-locked.mjs', '.'],
    ['packaging/install-locked.mjs', 'packaging/toolchain'],
    ['packaging/install-locked.mjs', 'test/programs/clamd-clients'],
    ['test/programs/install.mjs'],
  ]
  const troubles = await Promise.all(installers.map((words) => runAndTell(process.execPath, words)))
  if (troubles.every((trouble) => trouble === '')) return
  process.stdout.write('0 passed, 1 failed\n')
  process.exit(1)
}

/** What it writes is shown, below a title, when it has ended. Resolves to '' or what went wrong. */
async function runAndTell(command, args, { title = '', environment = process.env } = {}) {
  const child = spawn(command, args, {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(bytes))
  const trouble = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (status, signal) => resolve(status === 0 ? '' : `exit ${status ?? signal}`))
  })
  process.stdout.write(Buffer.concat([Buffer.from(title), ...said]))
  return trouble
}

/** Checks run side by side. */
async function check(name, command, args) {
  const trouble = await runAndTell(command, args, { title: `${name}\n`, environment: env })
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
  if (findProgram('mandoc')) await check(name, 'mandoc', ['-T', 'lint', '-W', 'warning', ...man])
  else skip(name, 'install Debian package mandoc')
}

async function buildPrograms() {
  if (!findProgram('cc')) return skip('build native', 'install Debian package gcc')
  await check('build native', toolsNode, ['packaging/build-native.mjs'])
  await check('build client', toolsNode, ['packaging/build-client.mjs'])
}

async function checkSources() {
  await check('type check', join(tools, 'tsc'), ['--noEmit'])
  await check('lint', join(tools, 'biome'), ['check', '--error-on-warnings', '.'])
  await lintManual()
}

/**
 * Once after an installation: package.json leaves out tap's own TypeScript loader, and tap rebuilds
 * itself only while it runs the first tests, which is too late. Then it becomes one file, with a part
 * of our own.
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

async function runTests() {
  process.stdout.write('tests\n')
  await runFiles(files.length > 0 ? files : filesOfRun(), JOBS)
  const again = failedFiles([...results.values()])
  const amongOthers = results.size > 1 && again.length <= AGAIN_MAX
  if (amongOthers && again.length > 0) await runAgain(again)
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

/** Runs test files, several at a time. */
async function runFiles(names, jobs) {
  const waiting = longestFirst(names)
  const worker = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      await runFile(name, { node: toolsNode, root, env, onResult: show })
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
}

function show(result) {
  const { name: file, cases, time } = result
  results.set(file, result)
  const number = (kind) => cases.filter((testCase) => testCase.result === kind).length
  const parts = ['passed', 'failed', 'skipped'].flatMap((kind) =>
    number(kind) > 0 ? [`${number(kind)} ${kind}`] : [],
  )
  process.stdout.write(`  ${file}: ${parts.join(', ') || 'no tests'}, ${seconds(time)}\n`)
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
  for (const failure of unsteady) tell(failure)
  if (failed.length > 0) process.stdout.write('failed:\n')
  for (const failure of failed) tell(failure)
  const lines = timeLines(performance.now() - started, [...results.values()])
  for (const line of lines) process.stdout.write(`${line}\n`)
  if (files.length === 0 && !isWhole) {
    process.stdout.write(`${leftOut(allFiles(), filesOfRun())}\n`)
  }
  const parts = [`${passed.length} passed`, `${failed.length} failed`]
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`)
  process.stdout.write(`${parts.join(', ')}\n`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

function tell({ name, why }) {
  const lines = [name, ...why.map((line) => `  ${line}`)]
  process.stdout.write(lines.map((line) => `  ${line}\n`).join(''))
}

// What is built or laid out for programs of other users is for them to read.
process.umask(0o022)
await install()
// The tools and the tests run on a Node of our own, whatever the machine has.
const { newestNode, toolsNode } = await import('../packaging/toolchain/toolchain.mjs')
const TMPDIR = temporaryDirectory(process.env)
const env = {
  ...process.env,
  PATH: [dirname(toolsNode), tools, process.env.PATH].join(delimiter),
  ...(TMPDIR && { TMPDIR }),
}
if (newestNode === toolsNode) skip('the newest Node', 'install Debian package libatomic1')
await Promise.all([check('build', toolsNode, ['packaging/build.mjs']), prepareTap()])
const checked = files.length === 0 ? checkSources() : undefined
await buildPrograms()
await runTests()
await checked
summary()
