import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createTapReader } from './tap-results.mjs'

/**
 * Seconds after which tap fails a test file that still runs, and names what it waits for. All hostile calls
 * together, which test:all makes, take many minutes.
 */
const TIMEOUT = process.env.TESTS === 'all' ? 2400 : 400
/** Seconds after which a file that did not end by itself is killed. */
const KILL_AFTER = TIMEOUT + 20

/**
 * Runs one test file in a process of its own, and passes its result to `onResult` as
 * createTapReader() does. A file has failed if a test failed, if its process ended otherwise than
 * with exit code 0, or if it ended before its last test. `file` is a path below `root`, `node` the
 * runtime, `env` the environment.
 */
export async function runFile(file, { node, root, env, onResult }) {
  const started = performance.now()
  const child = spawn(node, ['--import=./test/before-tests.mjs', file], {
    cwd: root,
    env: {
      ...env,
      TAP_TIMEOUT: String(TIMEOUT),
      // Each file loads tap anew; test/before-tests.mjs hides this from programs under test.
      NODE_COMPILE_CACHE: join(root, 'build/compile-cache'),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const killer = setTimeout(() => child.kill('SIGKILL'), KILL_AFTER * 1000)
  const ended = new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message))
    child.on('exit', (code, signal) => resolve(code === 0 ? '' : `exit ${code ?? signal}`))
  })
  const reader = createTapReader(onResult)
  let hasPlan = false
  let hasFailed = false
  reader.line(`# Subtest: ${file}`)
  for await (const line of createInterface({ input: child.stdout })) {
    hasPlan ||= /^1\.\.\d+/.test(line)
    hasFailed ||= /^\s*not ok\b(?!.*# (?:SKIP|TODO)\b)/.test(line)
    reader.line(`    ${line}`)
  }
  const trouble = (await ended) || (hasPlan ? '' : 'it ended before its last test')
  clearTimeout(killer)
  const time = `# time=${(performance.now() - started).toFixed(0)}ms`
  if (trouble === '') return reader.line(`ok 1 - ${file} ${time}`)
  if (!hasFailed) reader.line(`    not ok 1 - the file: ${trouble}`)
  return reader.line(`not ok 1 - ${file} ${time}`)
}
