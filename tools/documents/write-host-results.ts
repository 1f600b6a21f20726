import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { HOST_RESULTS, hostResultsPage } from './host-results.ts'

/**
 * Writes the results of nightly runs into their page: `npm run host-results -- 12 LOG... 13 LOG...`. A log is the output of
 * `npm test` on that release of Debian. For a run of some ways or faults alone, WAY or FAULT are as they were in that run.
 */

const logs: (readonly [release: string, log: string])[] = []
let release = ''
for (const word of process.argv.slice(2)) {
  if (/^\d+$/.test(word)) release = word
  else logs.push([release, readFileSync(word, 'utf8')])
}
writeFileSync(join(import.meta.dirname, '../..', HOST_RESULTS), hostResultsPage(logs))
