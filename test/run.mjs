// `npm test`: everything that must hold before a change is good. With the names
// of test files, only those are run; with `--changed [COMMIT]` those of the rooms in which
// files differ from that commit (HEAD if there is none).
//
// The last line is "N passed, N failed", with ", N skipped" where programs are
// missing that tests need. Where CI=true, what is skipped counts as failed. Above it stands
// what failed and why, in a line or two each, and which files took longest.
//
// Plain JavaScript that needs nothing but Node and npm: it is started by whatever Node the
// machine has, and installs the packages that it works with.
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { installLocked } from '../packaging/install-locked.mjs'
import { findProgram, installPrograms } from './programs/install.mjs'
import { changedSince, testsOf } from './run/changed.mjs'
import { gistOf, seconds, timeLines } from './run/summary.mjs'
import { createTapReader } from './run/tap-results.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const tools = join(root, 'node_modules/.bin')
const inCi = process.env.CI === 'true'
const files = filesToRun(process.argv.slice(2))
const started = performance.now()

/** Test files at a time: most wait for mail servers for more than half of their time, and others use the processors then. */
const JOBS = 5

const passed = []
/** Each with lines about why. */
const failed = []
const skipped = []
/** Test files and their times. */
const ran = []

/** Test files by the command line; none for all. */
function filesToRun([first, ...more]) {
  if (first !== '--changed') return first === undefined ? [] : [first, ...more]
  const below = readdirSync(join(root, 'test'), { recursive: true })
  const own = below.filter((name) => /\.test\.ts$/.test(name) && !name.includes('node_modules/'))
  const all = own.map((name) => `test/${name}`)
  const concerned = testsOf(changedSince(more[0] ?? 'HEAD', root), all.sort())
  if (concerned.length > 0) return concerned
  process.stdout.write('nothing that has tests is changed\n0 passed, 0 failed\n')
  process.exit(0)
}

/** What the lock files name; a second run finds it there. */
function installPackages() {
  try {
    installLocked(root)
    installLocked(join(root, 'packaging/toolchain'))
  } catch (error) {
    process.stdout.write(`${error.message}\n0 passed, 1 failed\n`)
    process.exit(1)
  }
}

/** What it writes is shown when it has ended: checks run side by side. */
async function check(name, command, args) {
  const child = spawn(command, args, { cwd: root, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const said = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (bytes) => said.push(bytes))
  const trouble = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('close', (status, signal) => resolve(status === 0 ? '' : `exit ${status ?? signal}`))
  })
  process.stdout.write(Buffer.concat([Buffer.from(`${name}\n`), ...said]))
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
 * package.json leaves out tap's own TypeScript loader. A fresh tap still has it,
 * and rebuilds itself only while it runs the first tests, which is too late.
 */
async function prepareTap() {
  const built = join(root, 'node_modules/@tapjs/test/test-built/dist/esm/index.js')
  if (existsSync(built) && !readFileSync(built, 'utf8').includes('@tapjs/typescript')) return
  await check('tap build', toolsNode, [join(tools, 'tap'), 'build'])
}

async function runTests() {
  await prepareTap()
  process.stdout.write('tests\n')
  const args = ['run', '--disable-coverage', '--reporter=tap', `--jobs=${JOBS}`, '--timeout=400']
  const tap = spawn(toolsNode, [join(tools, 'tap'), ...args, ...files], {
    cwd: root,
    // Each test file loads tap anew; test/plain-spawn.mjs hides this from programs under test.
    env: { ...env, NODE_COMPILE_CACHE: join(root, 'build/compile-cache') },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => {
    tap.on('error', (error) => resolve(error.message))
    tap.on('exit', (code, signal) => resolve(code === 0 ? '' : `exit ${code ?? signal}`))
  })
  const before = failed.length
  const reader = createTapReader(report)
  for await (const line of createInterface({ input: tap.stdout })) reader.line(line)
  reader.end()
  const trouble = await ended
  // tap fails for what stands in no test, too, as a file that ends too early.
  if (trouble && failed.length === before) failed.push({ name: 'tap', why: [trouble] })
}

function report({ name: file, cases, time }) {
  ran.push({ name: file, time })
  const count = (result) => cases.filter((one) => one.result === result).length
  const parts = ['passed', 'failed', 'skipped'].flatMap((result) =>
    count(result) > 0 ? [`${count(result)} ${result}`] : [],
  )
  process.stdout.write(`  ${file}: ${parts.join(', ') || 'no tests'}, ${seconds(time)}\n`)
  for (const { name, result, why, detail } of cases) {
    const full = `${file}: ${name}`
    if (result === 'passed') passed.push(full)
    if (result === 'skipped') skipped.push(why ? `${full}: ${why}` : full)
    if (result === 'failed') {
      failed.push({ name: full, why: gistOf(detail) })
      process.stdout.write(`    failed: ${name}\n`)
      for (const line of detail) process.stdout.write(`      ${line}\n`)
    }
  }
}

function summary() {
  if (inCi && skipped.length > 0) {
    process.stdout.write('skipped, which is a failure in CI:\n')
    for (const name of skipped) process.stdout.write(`  ${name}\n`)
    for (const name of skipped.splice(0)) failed.push({ name, why: [] })
  }
  if (skipped.length > 0) process.stdout.write('skipped:\n')
  for (const name of skipped) process.stdout.write(`  ${name}\n`)
  if (failed.length > 0) process.stdout.write('failed:\n')
  for (const { name, why } of failed) {
    process.stdout.write(
      [name, ...why.map((line) => `  ${line}`)].map((line) => `  ${line}\n`).join(''),
    )
  }
  for (const line of timeLines(performance.now() - started, ran)) process.stdout.write(`${line}\n`)
  const parts = [`${passed.length} passed`, `${failed.length} failed`]
  if (skipped.length > 0) parts.push(`${skipped.length} skipped`)
  process.stdout.write(`${parts.join(', ')}\n`)
  process.exitCode = failed.length > 0 ? 1 : 0
}

// What is built or laid out for programs of other users is for them to read.
process.umask(0o022)
process.stdout.write('packages\n')
installPackages()
// The tools and the tests run on a Node of our own, whatever the machine has.
const { newestNode, toolsNode } = await import('../packaging/toolchain/toolchain.mjs')
const env = { ...process.env, PATH: [dirname(toolsNode), tools, process.env.PATH].join(delimiter) }
process.stdout.write('programs that tests need\n')
for (const line of installPrograms(process.env)) process.stdout.write(`  ${line}\n`)
if (newestNode === toolsNode) skip('the newest Node', 'install Debian package libatomic1')
await check('build', toolsNode, ['packaging/build.mjs'])
await Promise.all([buildPrograms(), ...(files.length === 0 ? [checkSources()] : [])])
await runTests()
summary()
