// `npm run bench:peers`: what a message costs behind each filter that scans with clamd.
//
//     npm run bench:peers -- --limit 400 phishing_pot/email
//     npm run bench:peers -- --many-signatures --rounds 3 --programs build/native ~/Maildir
//
// Each file of a folder is a message, each mbox is split. Each filter of peers.ts has a clamd of its own with an empty
// cache. Each message goes to each of them on a connection of its own, one at a time, in batches in turns; then follows
// the next round, for which each message gets a field that clamd does not know. The output is the processor time of
// the filter, with all its processes, and of its clamd; that of clamd over that of clamav-milter's clamd, and the sum over
// that of clamav-milter: the median of the rounds, the least and the most. A filter that is not installed is listed and
// left out.
//
// With --limit N: N messages, evenly spread over all. With --documents: of those with a document or an archive. With
// --rounds N: 3 by default. With --many-signatures: a clamd with a database of real size. With --programs DIR: the compiled
// programs in DIR. With --simscan DIR: simscan too, built from the sources in DIR. Programs that are called in place of
// qmail-queue call the sink of the benchmark, whose cost is a row of its own.
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cpuOfTree } from '../../../test/programs/host/process-tree.ts'
import { type Ending, withEnding } from '../../../test/programs/host/server.ts'
import { clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { childrenOf } from '../../../test/scanner/daemon/process.ts'
import { NATIVE } from '../contestants.ts'
import { manySignatures, oneSignature } from '../databases.ts'
import { describeMachine, machineText } from '../machine.ts'
import { evenly, hasDocument, inRound, mailsIn } from '../ordinary/mails.ts'
import { median, withRange } from '../report.ts'
import { sendToSlot } from '../slot.ts'
import { openWorkshop, SPOOL, type Workshop } from '../workshop.ts'
import { BASE, type Peer, peersWith } from './peers.ts'

const USAGE = `usage: npm run bench:peers -- [--limit N] [--documents] [--rounds N] [--many-signatures] [--programs DIR] [--simscan DIR]
           PLACE...
`

/** Mails of a turn: a tick of the clock by which the kernel counts is 10 ms. */
const BATCH = 50
/** Mails before the first round. */
const WARM_UP = 100

/** Milliseconds of processor time. */
interface Cost {
  filter: number
  clamd: number
}

interface Station {
  readonly name: string
  /** Sends mails one after the other. */
  send(mails: readonly Buffer[]): Promise<void>
  cost(): Cost
  /** Its outcomes, each with its count. */
  readonly outcomes: Map<string, number>
}

const { values, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    limit: { type: 'string', default: '400' },
    documents: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    'many-signatures': { type: 'boolean', default: false },
    programs: { type: 'string' },
    simscan: { type: 'string' },
  },
})
const [limit, rounds] = [Number(values.limit), Number(values.rounds)]
if (places.length === 0 || !(limit >= 1) || !(rounds >= 1)) {
  process.stderr.write(USAGE)
  process.exit(100)
}
if (clamdMissing) throw new Error(clamdMissing)
const programs = values.programs && resolve(values.programs)
const onescand = join(programs ?? join(import.meta.dirname, '../../../bin'), 'onescand')
const onescanc = join(programs ?? NATIVE, 'onescanc')
const peers = peersWith(values.simscan)
const database = values['many-signatures'] ? manySignatures() : oneSignature

const found = places.flatMap((place) => mailsIn(place, false))
const mails = evenly(values.documents ? found.filter(hasDocument) : found, limit)
const workshop = openWorkshop(SPOOL, SPOOL)
process.once('exit', workshop.remove)
print(
  `${machineText(describeMachine(workshop.directory))}; clamd with ${database.name}; ${mails.length} mails.`,
)
const there = peers.filter(({ missing }) => missing === false)
for (const { name, missing } of peers) if (missing !== false) print(`left out: ${name}: ${missing}`)
await withEnding(async (t) => {
  const stations: Station[] = []
  for (const peer of there) stations.push(await openStation(t, peer, workshop))
  for (const { send } of stations) await send(inRound(mails.slice(0, WARM_UP), 0))
  const measured = new Map<string, Cost[]>(stations.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    const costs = await playRound(stations, inRound(mails, round))
    for (const [name, cost] of costs) measured.get(name)!.push(cost)
  }
  report(stations, measured)
})

async function openStation(t: Ending, peer: Peer, workshop: Workshop): Promise<Station> {
  const clamd = await startClamd(t, {
    parent: SPOOL,
    alertExceedsMax: true,
    database: database.files,
  })
  const { directory, environment } = workshop
  const before = new Set(childrenOf(process.pid))
  const entry = await peer.start(t, clamd, {
    directory,
    environment: environment(clamd),
    onescand,
    onescanc,
  })
  const roots = childrenOf(process.pid).filter((pid) => !before.has(pid))
  const outcomes = new Map<string, number>()
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  let inSlot = 0
  return {
    name: peer.name,
    outcomes,
    async send(messages) {
      if (typeof entry === 'function') {
        for (const message of messages) count(await entry(message))
        return
      }
      for (const { accepted, code, cpu } of await sendToSlot(entry, messages, workshop)) {
        count(accepted ? 'delivered' : `exit code ${code}`)
        inSlot += cpu
      }
    },
    cost: () => ({
      filter: inSlot + roots.reduce((sum, pid) => sum + cpuOfTree(pid), 0),
      clamd: cpuOfTree(clamd.pid),
    }),
  }
}

/** All mails to each, in batches in turns, so that what drifts drifts for all. */
async function playRound(stations: readonly Station[], messages: readonly Buffer[]) {
  const before = stations.map(({ cost }) => cost())
  for (let at = 0; at < messages.length; at += BATCH) {
    for (const { send } of stations) await send(messages.slice(at, at + BATCH))
  }
  return stations.map(({ name, cost }, index) => {
    const { filter, clamd } = cost()
    const { filter: filterBefore, clamd: clamdBefore } = before[index]!
    return [name, { filter: filter - filterBefore, clamd: clamd - clamdBefore }] as const
  })
}

function report(
  stations: readonly Station[],
  measured: ReadonlyMap<string, readonly Cost[]>,
): void {
  const sum = ({ filter, clamd }: Cost) => filter + clamd
  const base = measured.get(BASE)
  const perMail = (all: readonly number[]) => (median(all) / mails.length).toFixed(2)
  print('')
  print(
    `| filter | filter, ms a mail | clamd, ms a mail | clamd over that of ${BASE}: median (least to most) | both over ${BASE} | outcomes |`,
  )
  print('| --- | ---: | ---: | ---: | ---: | --- |')
  for (const { name, outcomes } of stations) {
    const costs = measured.get(name)!
    const over = (of: (cost: Cost) => number) =>
      base ? withRange(base.map((cost, round) => of(costs[round]!) / of(cost))) : ''
    const ratios = `${over(({ clamd }) => clamd)} | ${over(sum)}`
    if (outcomes.size !== 1 || !outcomes.has('delivered')) process.exitCode = 1 // a mail was not let in
    const told = [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
    const [filter, clamd] = [costs.map(({ filter }) => filter), costs.map(({ clamd }) => clamd)]
    print(`| ${name} | ${perMail(filter)} | ${perMail(clamd)} | ${ratios} | ${told} |`)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
