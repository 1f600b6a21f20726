// Changes of a component, all built at once into a copy of the checkout, each behind a switch: so the programs that
// tests start can be asked, too. A file names the change that a process makes; another one takes the changes that
// a process came by, so that each change is asked about by the test files that come by it alone.
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { toolsNode } from '../../packaging/toolchain/toolchain.mjs'
import { runFile } from '../../test/run/run-file.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** What is made by installing and not by building. */
const INSTALLED = ['node_modules', 'packaging/toolchain/node_modules', 'build/stand-in']
const BUILDS = ['bundles', 'native', 'client'].map((name) => `packaging/builds/build-${name}.mjs`)

/**
 * Asks the tests about each change of these stretches of files. Returns what happened to each: `noticed`, `missed` or
 * `unreached`. `place` is a directory of this run alone. A test file that fails without any change is left out.
 *
 * @param {{ sample: readonly { file: string, first: number, last: number }[], tests: readonly string[], place: string }} asked
 */
export async function askBuilt({ sample, tests, place }) {
  const copy = join(place, 'checkout')
  const switches = join(place, 'switches')
  rmSync(switches, { recursive: true, force: true })
  mkdirSync(switches, { recursive: true })
  chmodSync(switches, 0o777) // programs under test run as other users
  copyCheckout(copy)
  const mutants = await writeChanges(copy, sample, switches)
  for (const build of BUILDS)
    execFileSync(toolsNode, [build], { cwd: copy, stdio: ['ignore', 'ignore', 'inherit'] })
  const setSwitch = (name, text) => {
    writeFileSync(join(switches, name), text)
    chmodSync(join(switches, name), 0o666)
  }
  setSwitch('active', '')
  const reached = []
  for (const file of tests) {
    setSwitch('reached', '')
    const started = performance.now()
    const failed = await failsIn(copy, file)
    const took = performance.now() - started
    process.stdout.write(
      `${file}: ${failed ? 'fails without a change, and is left out' : `${Math.round(took / 1000)} s`}\n`,
    )
    const ids = new Set(readFileSync(join(switches, 'reached'), 'latin1').split('\n'))
    if (!failed) reached.push({ file, took, ids })
  }
  rmSync(join(switches, 'reached'))
  reached.sort((one, other) => one.took - other.took)
  const results = []
  for (const mutant of mutants) {
    const files = reached.filter(({ ids }) => ids.has(mutant.id)).map(({ file }) => file)
    setSwitch('active', mutant.id)
    let result = files.length === 0 ? 'unreached' : 'missed'
    for (const file of files) {
      if (!(await failsIn(copy, file))) continue
      result = 'noticed'
      break
    }
    results.push(result)
    const { fileName, location, replacement } = mutant
    const where = `${relative(copy, fileName)}:${location.start.line + 1}`
    process.stdout.write(`${result} ${where}: ${replacement.replace(/\s+/g, ' ').slice(0, 120)}\n`)
  }
  return results
}

function copyCheckout(copy) {
  rmSync(copy, { recursive: true, force: true })
  const names = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0')
  for (const name of names.filter(
    (candidate) => candidate !== '' && existsSync(join(root, candidate)),
  )) {
    mkdirSync(dirname(join(copy, name)), { recursive: true })
    copyFileSync(join(root, name), join(copy, name))
  }
  for (const name of INSTALLED) {
    if (!existsSync(join(root, name))) continue
    mkdirSync(dirname(join(copy, name)), { recursive: true })
    // A link would lead out of the copy, and so would what is bundled from there.
    execFileSync('cp', ['-al', join(root, name), join(copy, name)])
  }
  execFileSync('git', ['init', '--quiet'], { cwd: copy })
}

/** Writes the stretches of a copy again, with all of their changes; returns these. */
async function writeChanges(copy, sample, switches) {
  const { Instrumenter, createParser, print, transform } = await loadInstrumenter()
  const silent = { debug() {}, info() {}, isDebugEnabled: () => false, warn() {} }
  const instrumenter = new Instrumenter(silent, createParser, print, transform)
  const ranges = new Map()
  for (const { file, first, last } of sample) {
    const range = { start: { line: first - 1, column: 0 }, end: { line: last, column: 0 } }
    ranges.set(file, [...(ranges.get(file) ?? []), range])
  }
  const files = [...ranges].map(([file, mutate]) => {
    const name = join(copy, file)
    return { name, mutate, content: readFileSync(name, 'utf8') }
  })
  const options = { plugins: null, excludedMutations: [], ignorers: [], noHeader: true }
  const { files: written, mutants } = await instrumenter.instrument(files, options)
  const helper = join(copy, 'src/mutants.ts')
  writeFileSync(helper, switchesBy(switches))
  for (const { name, content } of written) {
    const from = relative(dirname(name), helper)
    const path = from.startsWith('.') ? from : `./${from}`
    writeFileSync(name, `import { stryCov_9fa48, stryMutAct_9fa48 } from '${path}'\n${content}`)
  }
  return mutants.filter(({ status }) => status === undefined)
}

/** StrykerJS has no name for these parts of its own. */
async function loadInstrumenter() {
  const require = createRequire(import.meta.url)
  const index = require.resolve('@stryker-mutator/instrumenter')
  const part = (path) => import(pathToFileURL(join(dirname(index), path)).href)
  const [{ Instrumenter }, { createParser }, { print }, { transform }] = await Promise.all(
    ['index.js', 'parsers/index.js', 'printers/index.js', 'transformers/index.js'].map(part),
  )
  return { Instrumenter, createParser, print, transform }
}

/** The functions that StrykerJS calls: whether a change is the one to make, and which were come by. */
const switchesBy = (
  directory,
) => `import { appendFileSync, existsSync, readFileSync } from 'node:fs'
const read = (): string => {
  try {
    return readFileSync('${directory}/active', 'latin1')
  } catch {
    return ''
  }
}
const active = read()
const seen = active === '' && existsSync('${directory}/reached') ? new Set<string>() : undefined
export function stryCov_9fa48(...ids: string[]): void {
  for (const id of ids) {
    if (seen === undefined || seen.has(id)) continue
    seen.add(id)
    try {
      appendFileSync('${directory}/reached', id + '\\n')
    } catch {}
  }
}
export const stryMutAct_9fa48 = (id: string): boolean => id === active
`

/**
 * Seconds without progress after which a test hangs, as a change may make it. The test that asks about changes waits
 * meanwhile, and for 20 seconds more until the hanging one has ended, and must not count as hanging itself
 * (test/run/run-file.mjs: 60 seconds).
 */
const HANGS_AFTER = 15

async function failsIn(copy, file) {
  let failed = false
  const onResult = ({ cases }) => {
    failed ||= cases.length === 0 || cases.some(({ result }) => result === 'failed')
  }
  const path = `${dirname(toolsNode)}:${join(copy, 'node_modules/.bin')}:${process.env.PATH}`
  await runFile(file, {
    node: toolsNode,
    root: copy,
    env: { ...process.env, PATH: path },
    onResult,
    hangsAfter: HANGS_AFTER,
  })
  return failed
}
