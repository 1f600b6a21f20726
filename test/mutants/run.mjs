// `npm run mutants -- ROOM [FILE...]`: changes the code of a room in small ways, one at a time
// (StrykerJS), and tells which changes none of its tests notices. Each of them is a case that is
// missing in the tests, or code that nothing needs. A second call looks only at what has changed
// since. The exit code is 1 if less than 90 % were noticed.
import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installLocked } from '../../packaging/install-locked.mjs'
import { ROOMS } from './rooms.mjs'

const GOAL = 90

const here = fileURLToPath(new URL('.', import.meta.url))
const root = join(here, '../..')
const [room, ...files] = process.argv.slice(2)

if (room === undefined || !(room in ROOMS)) {
  process.stderr.write(`usage: npm run mutants -- ROOM [FILE...]\n`)
  process.stderr.write(
    `ROOM is one of ${Object.keys(ROOMS).join(', ')}; FILE is one of its files.\n`,
  )
  process.exit(2)
}
installLocked(here)
const place = join(root, 'build/mutants')
mkdirSync(place, { recursive: true })
const settings = join(place, `${room}.json`)
writeFileSync(settings, JSON.stringify(settingsFor(room)))
const stryker = join(here, 'node_modules/@stryker-mutator/core/bin/stryker.js')
const { status } = spawnSync(process.execPath, [stryker, 'run', settings], {
  cwd: root,
  stdio: 'inherit',
})
process.exitCode = status ?? 1

/** https://stryker-mutator.io/docs/stryker-js/configuration/ */
function settingsFor(room) {
  return {
    mutate: files.length > 0 ? files : ROOMS[room].files,
    testRunner: 'tap',
    tap: {
      testFiles: ROOMS[room].tests,
      nodeArgs: ['-r', '{{hookFile}}', '--import', './test/before-tests.mjs', '{{testFile}}'],
    },
    coverageAnalysis: 'perTest',
    concurrency: availableParallelism(),
    reporters: ['clear-text', 'progress-append-only'],
    clearTextReporter: { allowColor: false, reportTests: false, logTests: false },
    thresholds: { high: 100, low: GOAL, break: GOAL },
    incremental: true,
    incrementalFile: join(place, `${room}-known.json`),
    tempDirName: join(place, 'sandbox'),
    // What tests need of these is linked, or is none of theirs.
    ignorePatterns: ['/dist', '/build', '/.tap', '/packaging/toolchain/node_modules'],
    // Node strips types by itself.
    tsconfigFile: 'none',
    disableTypeChecks: false,
  }
}
