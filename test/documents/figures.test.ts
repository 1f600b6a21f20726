import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { HELD_AFTER } from '../../src/doors/daemon/held-workers.ts'
import { readOptions } from '../../src/doors/daemon/options.ts'
import { KEPT_SHOWN } from '../../src/doors/http/kept-view.ts'
import { DECISIONS_KEPT } from '../../src/observe/live/history.ts'
import { TRIAL_COUNTS_FOR } from '../../src/observe/live/observer.ts'
import { LARGE_FROM, LARGE_PLACES, PLACES } from '../../src/scan/clamd/places.ts'
import { items, readPage } from './man-page.ts'

/** Figures in pages that stand in no table of limits, against the program. */

const read = (path: string) => readFileSync(join(import.meta.dirname, '../..', path), 'utf8')
const monitoring = read('doc/monitoring.md')
const rules = read('packaging/monitoring/rules.yml')
const daemon = readPage('onescand.8')
const options = new Map(items(daemon).filter(([tag]) => tag.startsWith('Fl -')))

/** What onescand(8) says of an option. */
function option(name: string): string {
  const text = [...options].find(([tag]) => tag.startsWith(`Fl -${name} `))?.[1]
  if (text === undefined) throw new Error(`onescand(8) has no option ${name}`)
  return text
}

t.test('defaults of the options of onescand are those that its page names', async (t) => {
  const { maxSize, memory, maxClients, grace, workers } = readOptions([])
  const mebibytes = (bytes: number) => `default ${bytes / 1024 / 1024}M.`
  t.match(option('max-size'), mebibytes(maxSize))
  t.match(option('memory'), mebibytes(memory))
  t.match(option('max-clients'), `default ${maxClients}.`)
  t.match(option('grace'), `default ${grace / 1000}.`)
  const [, most] = /one for each processor, at most (\d+)\./.exec(option('workers')) ?? []
  t.ok(workers <= Number(most))
})

t.test('what a worker asks of clamd', async (t) => {
  t.match(daemon, `A worker has at most ${PLACES} messages at one clamd`)
  t.match(daemon, `at most ${LARGE_PLACES} are of ${LARGE_FROM / 1024 / 1024} MiB or more`)
  t.match(daemon, `If nothing is heard of it for ${HELD_AFTER / 1000} seconds`)
})

t.test('what the page of monitoring shows', async (t) => {
  t.match(monitoring, `the last ${DECISIONS_KEPT} decisions`)
  t.match(monitoring, new RegExp(`newest ${KEPT_SHOWN} messages`))
  t.match(monitoring, `within the last ${TRIAL_COUNTS_FOR / 1000} seconds`)
})

/** The number that the expression of an alert is compared with. */
function threshold(alert: string): number {
  const [, part = ''] = rules.split(`alert: ${alert}\n`)
  const [, number] = /[<>] ([\d.* ]+)$/m.exec(part) ?? []
  return (number ?? '').split('*').reduce((product, each) => product * Number(each), 1)
}

t.test('when alerts come', async (t) => {
  const words: Readonly<Record<string, string>> = {
    OnescanDefers: `more than ${threshold('OnescanDefers') * 100} % of mail`,
    OnescanClientsGoCold: `more than ${threshold('OnescanClientsGoCold')} clients`,
    OnescanStoreSlow: `more than ${threshold('OnescanStoreSlow') * 100} % of questions`,
  }
  for (const [alert, text] of Object.entries(words)) t.match(monitoring, text, alert)
  t.equal(threshold('OnescanSpoolNearlyFull'), 0.1)
  t.match(monitoring, 'less than a tenth of the spool')
  t.equal(threshold('OnescanSignaturesOld'), 2 * 86_400)
  t.match(monitoring, 'older than two days')
  t.equal(threshold('OnescanTrialOld'), 60)
  t.match(monitoring, 'nobody has tried that for a minute')
})
