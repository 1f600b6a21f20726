// `npm run bench:peers`: what a message costs behind each filter that scans with clamd.
//
//     npm run bench:peers -- --limit 400 phishing_pot/email
//     npm run bench:peers -- --many-signatures --rounds 3 --programs build/native ~/Maildir
//
// Each file of a folder is a message, each mbox is split. Each filter of peers.ts has a clamd of its own with an empty
// cache. Each message goes to each of them on a connection of its own, one at a time, in batches in turns; then follows
// the next round, for which each message gets a field that clamd does not know. The output is the number of messages a
// second; the median time until the answer; the processor time of the filter with all its processes; the part of it
// that a program in the slot takes, with the next program; and that of its clamd. Then come the ratios to clamav-milter,
// of clamd and of the sum: the median of the rounds, the least and the most. A filter that is not installed is listed
// and left out.
//
// With --warm-up N: N messages go to each filter before the first round (200), the same again if there are fewer. With
// --limit N: N messages, evenly spread over all. With --documents: of those with a document or an archive. With
// --kinds: no PLACE, but made mail of each kind (kinds.ts), with a table for each. With --at-once N: so many connections
// at a time; with `taskset -c 0 npm run ...` all programs share one processor. With --workers N: of onescand, 1 by
// default. With --rounds N: 3 by default. With --many-signatures: a clamd with a database of real size. With --programs
// DIR: the compiled programs in DIR. With --simscan DIR: simscan too, built from the sources in DIR. Programs that are
// called in place of qmail-queue call the sink of the benchmark, whose cost is a row of its own. With --only NAME:
// clamav-milter, and the filters of these names. Those that take mail over TCP wait for hundreds of milliseconds for each
// message.
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { cpuOfTree } from '../../../test/programs/host/process-tree.ts'
import { type Ending, withEnding } from '../../../test/programs/host/server.ts'
import { clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { childrenOf } from '../../../test/scanner/daemon/process.ts'
import { NATIVE } from '../contestants.ts'
import { manySignatures, oneSignature } from '../databases.ts'
import { describeMachine, machineText } from '../machine.ts'
import { evenly, hasDocument, inRound, type Mail, mailsIn } from '../ordinary/mails.ts'
import { medianOf, withRange } from '../report.ts'
import { sendToSlot } from '../slot.ts'
import { openWorkshop, SPOOL, type Workshop } from '../workshop.ts'
import { MAIL_KINDS, mailsOfKind } from './kinds.ts'
import { BASE, type Peer, peersWith } from './peers.ts'

const USAGE = `usage: npm run bench:peers -- [--warm-up N] [--limit N] [--documents] [--rounds N] [--many-signatures] [--at-once N] [--workers N]
           [--only NAME]... [--programs DIR] [--simscan DIR] {--kinds | PLACE...}
`

/** Mails of a turn: a tick of the clock by which the kernel counts is 10 ms. */
const BATCH = 50

/** For each connection of those at once, so that the last mails of a turn, with fewer at a time, count for little. */
const BATCH_OF_EACH = 20

/** Milliseconds of processor time. */
interface Cost {
  filter: number
  /** The part of `filter` that a program in the slot takes, with the next program. */
  inSlot: number
  clamd: number
  /** Milliseconds of the clock, of all turns. */
  time: number
  /** Milliseconds of the clock until the answer to each mail. */
  waits: readonly number[]
}

interface Station {
  readonly name: string
  /** Sends mails, `--at-once` at a time. */
  send(mails: readonly Buffer[]): Promise<void>
  cost(): Cost
  /** Its outcomes, each with its count. */
  readonly outcomes: Map<string, number>
}

const { values, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    'warm-up': { type: 'string', default: '200' },
    limit: { type: 'string', default: '400' },
    documents: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '3' },
    'many-signatures': { type: 'boolean', default: false },
    kinds: { type: 'boolean', default: false },
    'at-once': { type: 'string', default: '1' },
    workers: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    programs: { type: 'string' },
    simscan: { type: 'string' },
  },
})
const warmUp = Number(values['warm-up'])
const [limit, rounds, atOnce] = [values.limit, values.rounds, values['at-once']].map(Number)
const isCount = (value: number | undefined): value is number => value !== undefined && value >= 1
const areCounts = isCount(limit) && isCount(rounds) && isCount(atOnce)
if (places.length > 0 === values.kinds || !(warmUp >= 0) || !areCounts) {
  process.stderr.write(USAGE)
  process.exit(100)
}
if (clamdMissing) throw new Error(clamdMissing)
const programs = values.programs && resolve(values.programs)
const onescand = join(programs ?? join(import.meta.dirname, '../../../bin'), 'onescand')
const onescanc = join(programs ?? NATIVE, 'onescanc')
const isWanted = (name: string) => name === BASE || (values.only?.includes(name) ?? true)
const peers = peersWith(values.simscan).filter(({ name }) => isWanted(name))
const database = values['many-signatures'] ? manySignatures() : oneSignature

const benches = openWorkshop(SPOOL, SPOOL)
process.once('exit', benches.remove)
print(`${machineText(describeMachine(benches.directory))}; clamd with ${database.name}.`)
const there = peers.filter(({ missing }) => missing === false)
for (const { name, missing } of peers) if (missing !== false) print(`left out: ${name}: ${missing}`)
await withEnding(async (t) => {
  const stations: Station[] = []
  for (const peer of there) stations.push(await openStation(t, peer, benches))
  for (const collection of collections()) await compare(stations, collection)
})

interface Collection {
  readonly name: string
  readonly mails: readonly Mail[]
  /** How many are sent before the first round. */
  readonly warmUp: number
}

/** The mails of the places, or with `--kinds` made ones of each kind. */
function collections(): readonly Collection[] {
  if (values.kinds) {
    return MAIL_KINDS.map((kind) => {
      const of = (count: number) => Math.ceil(count * (kind.share ?? 1))
      return { name: kind.name, mails: mailsOfKind(kind, of(limit!)), warmUp: of(warmUp) }
    })
  }
  const found = places.flatMap((place) => mailsIn(place, false))
  const mails = evenly(values.documents ? found.filter(hasDocument) : found, limit!)
  return [{ name: 'mail of these places', mails, warmUp }]
}

async function compare(stations: readonly Station[], { name, mails, warmUp: before }: Collection) {
  await playRound(stations, warmUpMails(mails, before))
  const measured = new Map<string, Cost[]>(stations.map((station) => [station.name, []]))
  for (let round = 1; round <= rounds!; round++) {
    const costs = await playRound(stations, inRound(mails, round))
    for (const [station, cost] of costs) measured.get(station)!.push(cost)
  }
  print('')
  print(`${name}: ${mails.length} after ${before}, ${atOnce} at a time`)
  report(stations, measured, mails.length)
}

/** Mails that no clamd knows, before the first round. */
function warmUpMails(mails: readonly Mail[], count: number): Buffer[] {
  const turns = Math.ceil(count / mails.length)
  const all = Array.from({ length: turns }, (_, turn) => inRound(mails, -turn))
  return all.flat().slice(0, count)
}

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
    workers: values.workers,
  })
  const roots = childrenOf(process.pid).filter((pid) => !before.has(pid))
  const outcomes = new Map<string, number>()
  const count = (outcome: string) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
  let [inSlot, time] = [0, 0]
  const waits: number[] = []
  const send = async (messages: readonly Buffer[]) => {
    if (typeof entry === 'function') {
      const waiting = messages.values()
      const connection = async () => {
        for (const message of waiting) {
          const begun = performance.now()
          count(await entry(message))
          waits.push(performance.now() - begun)
        }
      }
      await Promise.all(Array.from({ length: atOnce! }, connection))
      return
    }
    for (const { accepted, code, cpu, ms } of await sendToSlot(
      entry,
      messages,
      workshop,
      atOnce!,
    )) {
      count(accepted ? 'delivered' : `exit code ${code}`)
      inSlot += cpu
      waits.push(ms)
    }
  }
  return {
    name: peer.name,
    outcomes,
    async send(messages) {
      const begun = performance.now()
      await send(messages)
      time += performance.now() - begun
    },
    cost: () => ({
      inSlot,
      time,
      waits: [...waits],
      filter: inSlot + roots.reduce((sum, pid) => sum + cpuOfTree(pid), 0),
      clamd: cpuOfTree(clamd.pid),
    }),
  }
}

/** All mails to each, in batches in turns, so that what drifts drifts for all. */
async function playRound(stations: readonly Station[], messages: readonly Buffer[]) {
  const before = stations.map(({ cost }) => cost())
  const batch = Math.max(BATCH, BATCH_OF_EACH * atOnce!)
  for (let at = 0; at < messages.length; at += batch) {
    for (const { send } of stations) await send(messages.slice(at, at + batch))
  }
  return stations.map(({ name, cost }, index) => {
    const now = cost()
    const { filter, inSlot, clamd, time, waits } = before[index]!
    const used = {
      time: now.time - time,
      waits: now.waits.slice(waits.length),
      filter: now.filter - filter,
      inSlot: now.inSlot - inSlot,
      clamd: now.clamd - clamd,
    }
    return [name, used] as const
  })
}

function report(
  stations: readonly Station[],
  measured: ReadonlyMap<string, readonly Cost[]>,
  count: number,
): void {
  const sum = ({ filter, clamd }: Cost) => filter + clamd
  const base = measured.get(BASE)
  const perMail = (all: readonly number[]) => (medianOf(all) / count).toFixed(2)
  print('')
  print(
    `| filter | mails a second | wait, ms: median | filter, ms a mail | of it in the slot | clamd, ms a mail | clamd over that of ${BASE}: median (least to most) | both over ${BASE} | outcomes |`,
  )
  print('| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |')
  for (const { name, outcomes } of stations) {
    const costs = measured.get(name)!
    const over = (of: (cost: Cost) => number) =>
      base ? withRange(base.map((cost, round) => of(costs[round]!) / of(cost))) : ''
    const ratios = `${over(({ clamd }) => clamd)} | ${over(sum)}`
    if (outcomes.size !== 1 || !outcomes.has('delivered')) process.exitCode = 1 // a mail was not let in
    const counts = [...outcomes].map(([outcome, mails]) => `${mails} ${outcome}`).join(', ')
    const times = (['filter', 'inSlot', 'clamd'] as const).map((part) =>
      perMail(costs.map((cost) => cost[part])),
    )
    const aSecond = ((count * 1000) / medianOf(costs.map(({ time }) => time))).toFixed(0)
    const wait = medianOf(costs.flatMap(({ waits }) => waits)).toFixed(1)
    print(`| ${[name, aSecond, wait, ...times, ratios, counts].join(' | ')} |`)
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
