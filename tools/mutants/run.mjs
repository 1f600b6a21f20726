// `npm run mutants -- COMPONENT [--built] [--one-in N] [FILE...]`: changes the code of a component in small ways, one at a
// time (StrykerJS), and shows which changes none of its tests notices. Each of them is a case that is
// missing in the tests, or code that nothing needs. A large component takes hours: with --one-in, only one
// stretch of lines in N is changed. A second call looks only at what has changed since. The exit code
// is 1 if less than 90 % were noticed. If no FILE is named, the component's row in the table of
// README.md beside this file shows what came out. With --built the tests that start what was built are asked as
// well (built.mjs): nothing is remembered then.
import { spawnSync } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { buildAddon } from '../../packaging/builds/build-addon.mjs'
import { installLocked } from '../../packaging/toolchain/install-locked.mjs'
import { targetOf } from '../../packaging/toolchain/targets.mjs'
import { BUILT_ONLY, COMPONENTS, stretches } from './components.mjs'

const GOAL = 90

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '../..')
const { values, positionals } = parseArgs({
  options: {
    'one-in': { type: 'string', default: '1' },
    built: { type: 'boolean', default: false },
  },
  allowPositionals: true,
})
const oneIn = Number(values['one-in'])
const [component, ...files] = positionals

if (
  component === undefined ||
  !(component in COMPONENTS) ||
  !(Number.isInteger(oneIn) && oneIn > 0)
) {
  process.stderr.write(`usage: npm run mutants -- COMPONENT [--built] [--one-in N] [FILE...]\n`)
  process.stderr.write(
    `COMPONENT is one of ${Object.keys(COMPONENTS).join(', ')}; FILE is one of its files.\n`,
  )
  process.exit(2)
}
const sample = drawn(files.length > 0 ? files : COMPONENTS[component].files)
installLocked(here)
buildAddon(targetOf()) // the sandbox has a copy of bin/, and nothing else that is built
const place = join(root, 'build/mutants')
mkdirSync(place, { recursive: true })
const result = values.built ? await askAboutBuilt() : askStryker()
if (result !== undefined && files.length === 0) writeRow(component, result)

/** What the tests notice that run the source itself; undefined if it could not be asked. */
function askStryker() {
  const settings = join(place, `${component}.json`)
  const report = join(place, `${component}-report.json`)
  rmSync(report, { force: true })
  writeFileSync(settings, JSON.stringify(settingsFor(component, report)))
  const stryker = join(here, 'node_modules/@stryker-mutator/core/bin/stryker.js')
  const { status } = spawnSync(process.execPath, [stryker, 'run', settings], {
    cwd: root,
    stdio: 'inherit',
  })
  process.exitCode = status ?? 1
  return existsSync(report) ? count(JSON.parse(readFileSync(report, 'utf8'))) : undefined
}

async function askAboutBuilt() {
  const { askBuilt } = await import('./built.mjs')
  const { tests, builtTests = [] } = COMPONENTS[component]
  const asked = [...new Set(globSync([...tests, ...builtTests], { cwd: root }))].sort()
  const results = await askBuilt({ sample, tests: asked, place: join(place, `${component}-built`) })
  const noticed = results.filter((outcome) => outcome === 'noticed').length
  process.stdout.write(`${noticed} of ${results.length} were noticed\n`)
  process.exitCode = noticed < (GOAL / 100) * results.length ? 1 : 0
  return { noticed, changes: results.length }
}

/**
 * Changes that were asked for and can be judged, and how many of them a test noticed (or never ended by).
 * The report still has those of earlier samples.
 */
function count(report) {
  const isAsked = (name, { start, end }) =>
    sample.some(({ file, first, last }) => file === name && first <= start.line && end.line <= last)
  const statuses = Object.entries(report.files).flatMap(([name, { mutants }]) =>
    mutants.filter(({ location }) => isAsked(name, location)).map(({ status }) => status),
  )
  const noticed = statuses.filter((status) => status === 'Killed' || status === 'Timeout').length
  const missed = statuses.filter(
    (status) => status === 'Survived' || status === 'NoCoverage',
  ).length
  return { noticed, changes: noticed + missed }
}

/** Writes the component's row into the table, whose rows are in the order of their names. */
function writeRow(name, { noticed, changes }) {
  const page = join(here, 'README.md')
  const rowsBelow = /(\| component \|.*\n\| --- .*\n)((?:\|.*\n)*)/
  const text = readFileSync(page, 'utf8').replace(rowsBelow, (_, head, table) => {
    const others = table
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith(`| ${name} |`))
    const lines = oneIn === 1 ? 'all' : `1 in ${oneIn}`
    const asked = values.built ? `${lines}, built` : lines
    const row = `| ${name} | ${asked} | ${changes} | ${((100 * noticed) / changes).toFixed(1)} % |`
    return `${head}${[...others, row].sort().join('\n')}\n`
  })
  writeFileSync(page, text)
}

/**
 * The first and last lines of one stretch in `oneIn` of these files, one after another as if they were one; or of
 * each file.
 */
function drawn(globs) {
  const sources = globSync(globs, { cwd: root, exclude: values.built ? [] : BUILT_ONLY }).sort()
  const lengths = sources.map((file) => readFileSync(join(root, file), 'utf8').split('\n').length)
  if (oneIn === 1) return sources.map((file, at) => ({ file, first: 1, last: lengths[at] }))
  return stretches(lengths, oneIn).map((stretch) => ({ ...stretch, file: sources[stretch.file] }))
}

/** https://stryker-mutator.io/docs/stryker-js/configuration/ */
function settingsFor(name, report) {
  return {
    mutate: sample.map(({ file, first, last }) => `${file}:${first}-${last}`),
    testRunner: 'tap',
    tap: {
      testFiles: COMPONENTS[name].tests,
      nodeArgs: ['-r', '{{hookFile}}', '--import', './test/before-tests.mjs', '{{testFile}}'],
    },
    coverageAnalysis: 'perTest',
    timeoutMS: 40_000, // a busy machine is not an endless loop
    concurrency: availableParallelism(),
    reporters: ['clear-text', 'progress-append-only', 'json'],
    jsonReporter: { fileName: report },
    clearTextReporter: { allowColor: false, reportTests: false, logTests: false },
    thresholds: { high: 100, low: GOAL, break: GOAL },
    incremental: true,
    // What is known of other samples, or of single files, must not come into this one's figure.
    incrementalFile: join(place, `${name}-${files.length > 0 ? 'files' : oneIn}-known.json`),
    tempDirName: join(place, 'sandbox'),
    // What tests need of these is linked, or is none of theirs.
    ignorePatterns: ['/dist', '/build', '/.tap', '/packaging/toolchain/node_modules'],
    // Node strips types by itself.
    tsconfigFile: 'none',
    disableTypeChecks: false,
  }
}
