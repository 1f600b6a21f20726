import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { commandOf, isReady, processesOf, startOf, ticksOf, treeOf } from './processes.mjs'
import { TapReader } from './tap-results.mjs'

/** Seconds without progress after which a test file hangs. */
const HANGS_AFTER = 60
/** Clock ticks of processor time (100 for each second) from which a file without output counts as making progress. */
const BUSY_TICKS = HANGS_AFTER
/**
 * A file hangs after so many times as long without a result, even if it uses a processor or prints: one that polls does,
 * and so does a test that prints what it waits for.
 */
const SILENT_TIMES = 10
/** The line of a result, or of a test that begins. */
const RESULT = /^\s*(?:(?:not )?ok\b|# Subtest)/
/** Seconds for a hanging file to print what it waits for, and for processes to end after the file. */
const LAST_WORDS = 10

/** Returns the directory of Node's compile cache for the tests of a checkout. */
export const compileCache = (root) => join(root, 'build/compile-cache')

/** @typedef {import('./tap-results.mjs').FileResult & { readonly processor: number }} RunResult */

/**
 * Runs one test file in its own process, and passes its result to `onResult` as a TapReader does, with the seconds of processor
 * time of it and of the processes that it has waited for (`processor`), and the name of each test
 * that begins to `onSubtest`. A file has failed if a test failed, if its process exited with another code than 0 or before
 * its last test, if it made no progress for `hangsAfter` seconds, or if its processes still run afterwards. Its temporary
 * files are in its own directory, which is removed. `file` is a path below `root`, `node` the runtime, `env` the environment.
 * @param {string} file
 * @param {{ readonly node: string, readonly root: string, readonly env: NodeJS.ProcessEnv, readonly onResult: (result: RunResult) => void, readonly onSubtest?: (name: string) => void, readonly hangsAfter?: number }} options
 */
export async function runFile(
  file,
  { node, root, env, onResult, onSubtest, hangsAfter = HANGS_AFTER },
) {
  const started = performance.now()
  const TMPDIR = mkdtempSync(join(env.TMPDIR ?? tmpdir(), 't-'))
  chmodSync(TMPDIR, 0o1777) // tests become other users
  const child = spawn(node, ['--import=./test/before-tests.mjs', file], {
    cwd: root,
    env: {
      ...env,
      TMPDIR,
      TAP_TIMEOUT: '7200', // the whole of a file may take long, while it makes progress
      // test/before-tests.mjs hides the variable from programs under test.
      NODE_COMPILE_CACHE: compileCache(root),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('exit', (code, signal) => resolve(code === 0 ? '' : `exit ${code ?? signal}`))
  })
  const start = startOf(child.pid)
  const watch = watchProgress(child, { directory: TMPDIR, start, hangsAfter })
  let processor = 0
  const reader = new TapReader((result) => onResult({ ...result, processor }))
  let hasPlan = false
  let hasFailed = false
  const troubles = []
  reader.line(`# Subtest: ${file}`)
  ended.then(() => setTimeout(() => child.stdout.destroy(), LAST_WORDS * 1000).unref()) // others may hold it
  for await (const line of createInterface({ input: child.stdout })) {
    watch.progress(RESULT.test(line))
    const [, subtest] = /^\s*# Subtest: (.*)$/.exec(line) ?? []
    if (subtest !== undefined) onSubtest?.(subtest)
    hasPlan ||= /^1\.\.\d+/.test(line)
    hasFailed ||= /^\s*not ok\b(?!.*# (?:SKIP|TODO)\b)/.test(line)
    if (/^# waits for /.test(line)) troubles.push(line.slice(2))
    processor = Number(/^# processor ([\d.]+)$/.exec(line)?.[1] ?? processor)
    reader.line(`    ${line}`)
  }
  const end = (await ended) || (hasPlan ? '' : 'it ended before its last test')
  watch.stop()
  if (watch.hung()) troubles.unshift(`no progress for ${hangsAfter} s`, ...watch.hung())
  if (end !== '' && !hasFailed) troubles.push(end)
  const left = await leftBy(TMPDIR, start)
  if (left.length > 0) troubles.push(`processes were left: ${left.join('; ')}`)
  const trouble = removed(TMPDIR)
  if (trouble !== '') troubles.push(trouble)
  const time = `# time=${(performance.now() - started).toFixed(0)}ms`
  for (const trouble of troubles)
    reader.line(`    not ok 1 - the file: ${trouble.replaceAll('#', '\\#')}`)
  reader.line(`${troubles.length > 0 || end !== '' ? 'not ok' : 'ok'} 1 - ${file} ${time}`)
}

const mayGoOn = (pid) => isReady(pid) || commandOf(pid).startsWith('/usr/lib/apt/methods/')

/** Ends a hanging file: first with SIGALRM, at which tap prints the waiting tests, then with SIGKILL. */
function watchProgress(child, { directory, start, hangsAfter }) {
  let since = performance.now()
  let resultSince = since
  let ticks
  let waiting
  const look = () => {
    const isSilent = performance.now() - resultSince > SILENT_TIMES * hangsAfter * 1000
    // To look at all processes costs more than most test files do.
    if (!isSilent && performance.now() - since < (hangsAfter * 1000) / 4) {
      ticks = undefined
      return
    }
    const tree = treeOf(child.pid)
    const now = ticksOf([...new Set([...tree, ...processesOf(directory, start)])])
    ticks = Math.min(ticks ?? now, now) // those of processes that have ended are gone
    // On a busy machine a runnable process may wait for long, and so may apt for packages.
    if (now - ticks > (BUSY_TICKS * hangsAfter) / HANGS_AFTER || tree.some(mayGoOn)) {
      since = performance.now()
      ticks = now
    }
    const waits = performance.now() - since > hangsAfter * 1000
    if (waiting !== undefined || !(waits || isSilent)) return
    waiting = tree.slice(1).map((pid) => `it had started: ${commandOf(pid)}`)
    child.kill('SIGALRM')
    setTimeout(() => {
      for (const pid of treeOf(child.pid).reverse()) kill(pid)
    }, LAST_WORDS * 1000).unref()
  }
  const timer = setInterval(look, Math.min(5000, hangsAfter * 100))
  return {
    progress: (isResult) => {
      since = performance.now()
      if (isResult) resultSince = since
    },
    hung: () => waiting,
    stop: () => clearInterval(timer),
  }
}

/** Waits for the processes that a file has started, and kills the remaining ones. Returns their command lines. */
async function leftBy(directory, since) {
  const until = performance.now() + LAST_WORDS * 1000
  let left = processesOf(directory, since)
  while (left.length > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    left = processesOf(directory, since)
  }
  const words = left.map((pid) => `${pid} ${commandOf(pid)}`)
  for (const pid of left) kill(pid)
  return words
}

function kill(pid) {
  try {
    process.kill(Number(pid), 'SIGKILL')
  } catch {
    // It has already ended.
  }
}

/** Removes a directory. Returns '', or the reason why that failed, for example a mount in it. */
function removed(directory) {
  try {
    rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
    return ''
  } catch (error) {
    return `its temporary files cannot be removed: ${error.message}`
  }
}
