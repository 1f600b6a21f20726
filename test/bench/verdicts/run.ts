// `npm run bench:verdicts`: what a memory of verdicts spares, and what it costs. Ratios hold
// from machine to machine, milliseconds do not. What is added to a message is told by pairs: the
// same kind of message goes to a host with and to one without, one right after the other and in
// any order; the row is the median of the differences, with its quartiles. A machine that has
// other work disturbs both of a pair alike, and the quartiles show how much. Where they are wide,
// the processor's time says more: that does not count who else was busy. UNSURE is a median that
// is nearer to its goal than twice its standard error.
import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { MISSES_MAX } from '../../../src/verdicts/valkey/lasting-connection.ts'
import { startOnescand } from '../../doors/daemon/process.ts'
import { ask, carryOut } from '../../doors/slot-socket/client.ts'
import { clamdMissing, startClamd } from '../../programs/clamd.ts'
import { type StoreServer, startStore, storeMissing } from '../../programs/store-server.ts'
import { describeMachine, machineText } from '../machine.ts'
import { median, percentile } from '../statistics.ts'
import { runBurst } from './burst.ts'
import { copyOf, smallText, zipLetter } from './letters.ts'

const AT_ONCE = 8
const quick = process.argv.includes('--quick')
const COPIES = quick ? 200 : 1000
const MISSES = quick ? 300 : 2000
const HANGS = quick ? 3 : 7
const BURST = quick ? 600 : 2500
const RATES = quick ? 3 : 5
const compiled = join(import.meta.dirname, '../../../build/native/onescand')

if (clamdMissing || storeMissing) throw new Error(clamdMissing || storeMissing || '')

/** Ends what is started, last first. */
const endings: (() => unknown)[] = []
const t = { teardown: (end: () => unknown) => void endings.push(end) }
const directory = mkdtempSync(join(tmpdir(), 'onescan-verdicts-'))
t.teardown(() => rmSync(directory, { recursive: true, force: true }))
/** No two messages are the same. */
let serial = 0
const say = (line: string) => process.stdout.write(`${line}\n`)

interface Host {
  readonly pid: number
  readonly socket: string
  readonly settings: Readonly<Record<string, string>>
}

try {
  await bench()
} finally {
  for (const end of endings.reverse()) await end()
}
process.exit()

async function bench(): Promise<void> {
  const clamd = await startClamd()
  t.teardown(clamd.stop)
  const store = await startStore(t as never)
  const ring = join(directory, 'ring')
  writeFileSync(ring, `hmac-sha256:a:${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 })
  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: clamd.socket,
    CLAMDBDIR: '/nonexistent',
    CLUSTERKEYS: ring,
  }
  const shared = { VERDICTS: `unix:${store.socket}` }
  const host = (own: Record<string, string>) => openHost({ ...settings, ...own })
  const [without, memory] = [await host({ VERDICTS: 'off' }), await host({})]
  const control = await host({ VERDICTS: 'off' })
  const [first, second] = [await host(shared), await host(shared)]
  say(machineText(describeMachine(directory)))
  say('')
  await added(without, [memory, first, second, control], 300) // compiled by now

  const letter = zipLetter()
  const alone = await single(without, letter)
  say(`a message of ${kib(letter)} KiB with a zip takes ${alone.toFixed(0)} ms by itself`)
  const slow = await copies([without], letter, quick ? 40 : 200)
  const fast = await copies([memory], letter, COPIES)
  row('copies of it, messages/s with memory over without', fast.rate / slow.rate, 4, 'at least')
  row(`real scans for ${COPIES} of them on one host`, fast.scans, 2, 'at most')
  const both = await copies([first, second], letter, COPIES)
  row('real scans on two hosts that share a store', both.scans, 4, 'at most')
  await burst([first, second], 'a burst')
  const busy = keepBusy()
  await burst([first, second], 'the same while other programs want both processors')
  busy()

  const text = smallText()
  const rates: number[] = []
  for (let round = 0; round < RATES; round++) {
    const off = await copies([without], Buffer.concat([text, Buffer.from(`${round}\n`)]), COPIES)
    const on = await copies([memory], Buffer.concat([text, Buffer.from(`${round}\n`)]), COPIES)
    rates.push(on.rate / off.rate)
  }
  row('copies of a 4 KB text, with memory over without', median(rates), 1.1, 'at least')

  const [inMemory, inStore, same] = await added(without, [memory, first, control], MISSES)
  pairs('a miss: ms added to a 4 KB message, memory', inMemory!, 0.05)
  pairs('a miss: ms added to a 4 KB message, store on this machine', inStore!, 0.3)

  say(`        (two hosts without differ by ${quartiles(same!)})`)
  const [off, on, stored] = await processorTimes([without, memory, first], MISSES)
  const of = 'a miss: ms of processor time that onescand takes for a 4 KB message'
  say(`        ${of}: ${off!.toFixed(3)} without, ${on!.toFixed(3)} with memory, ${stored!.toFixed(3)} with the store`) // biome-ignore format: a row

  await hung([first, second], without, store)
  await farm(clamd.socket, settings)
  say('the milter: npm run bench:milter')
}

/** One of several processes; compiled where that is built. */
async function openHost(settings: Record<string, string>): Promise<Host> {
  const daemon = startOnescand(t as never, {
    settings,
    args: ['--workers', '1', '--max-clients', '100'],
    ...(existsSync(compiled) && process.argv.includes('--compiled') && { program: [compiled] }),
  })
  await daemon.logged(/serving/)
  return { pid: daemon.pid, socket: daemon.socket, settings }
}

async function send({ socket, settings }: Host, message: Buffer): Promise<string> {
  const question = { message, variables: settings }
  const { does, log, why } = carryOut(await ask(socket, question), question)
  if (does !== 'hand on') throw new Error(`${does} ${why} ${log}`)
  return /scan=(\w+)/.exec(log)?.[1] ?? ''
}

async function copies(hosts: readonly Host[], letter: Buffer, count: number) {
  let left = count
  let scans = 0
  const began = performance.now()
  const clients = Array.from({ length: AT_ONCE }, async () => {
    while (left-- > 0) {
      const n = serial++
      if ((await send(hosts[n % hosts.length]!, copyOf(letter, n))) === 'clean') scans++
    }
  })
  await Promise.all(clients)
  return { rate: (count * 1000) / (performance.now() - began), scans }
}

/** Twenty newsletters in 2,500 messages, by two hosts, twenty at a time. */
async function burst(hosts: readonly Host[], what: string): Promise<void> {
  const mark = Buffer.from(`${what}\n`)
  const campaigns = Array.from({ length: 20 }, (_, n) =>
    Buffer.concat([n % 4 === 0 ? zipLetter() : smallText(), mark, Buffer.from(`${n}\n`)]),
  )
  const first = serial
  serial += BURST
  const judged = await runBurst((n, message) => send(hosts[n % hosts.length]!, message), {
    campaigns,
    messages: BURST,
    atOnce: 20,
    first,
  })
  const scans = BURST - (judged.known ?? 0)
  row(`${what} of ${BURST} copies of 20 newsletters at two hosts: real scans`, scans, 24, 'at most')
}

/** As many programs as processors, and as many again; what it gives ends them. */
function keepBusy(): () => void {
  const programs = Array.from({ length: 2 * availableParallelism() }, () =>
    spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
  )
  return () => programs.forEach((program) => void program.kill('SIGKILL'))
}

async function single(host: Host, letter: Buffer): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < 10; n++) times.push(await timed(host, copyOf(letter, serial++)))
  return median(times)
}

async function timed(host: Host, message: Buffer): Promise<number> {
  const began = performance.now()
  await send(host, message)
  return performance.now() - began
}

/** For each of `hosts`, by how many milliseconds each of so many messages took longer than at `base`. */
async function added(base: Host, hosts: readonly Host[], count: number): Promise<number[][]> {
  const all = [base, ...hosts]
  const differences = hosts.map((): number[] => [])
  for (let n = 0; n < count; n++) {
    const times: number[] = []
    for (const which of shuffled(all.length)) times[which] = await timed(all[which]!, fresh())
    for (const [which, list] of differences.entries()) list.push(times[which + 1]! - times[0]!)
  }
  return differences
}

/** What one host still does behind its answer falls on the next one: that must not always be the same. */
function shuffled(count: number): number[] {
  const places = Array.from({ length: count }, (_, which) => ({ which, by: Math.random() }))
  return places.sort((a, b) => a.by - b.by).map(({ which }) => which)
}

/** Milliseconds of the processor for each of so many messages, by host; they come in turn. */
async function processorTimes(hosts: readonly Host[], count: number): Promise<number[]> {
  const before = hosts.map(processorTimeOf)
  for (let n = 0; n < count; n++) for (const host of hosts) await send(host, fresh())
  return hosts.map((host, which) => (processorTimeOf(host) - before[which]!) / count)
}

/** Of all threads; the first number is nanoseconds (proc_pid_schedstat). */
function processorTimeOf({ pid }: Host): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const times = threads.map((thread) => {
    const [run] = readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'latin1').split(' ')
    return Number(run) / 1e6
  })
  return times.reduce((sum, time) => sum + time, 0)
}

function fresh(): Buffer {
  return Buffer.concat([smallText(), Buffer.from(`${serial++}\n`)])
}

/** The store hangs again and again: what that adds to the first message each time, and to the next hundred. */
async function hung([host, other]: [Host, Host], base: Host, store: StoreServer): Promise<void> {
  const first: number[] = []
  const next: number[] = []
  for (let round = 0; round < HANGS; round++) {
    await untilShared(host, other)
    process.kill(store.pid, 'SIGSTOP')
    first.push(...(await added(base, [host], MISSES_MAX))[0]!)
    next.push(...(await added(base, [host], 100))[0]!)
    process.kill(store.pid, 'SIGCONT')
  }
  pairs(`store hung: ms added to each of the first ${MISSES_MAX} messages`, first, 25)
  pairs('store hung: ms added to each of the next hundred', next, 0.05)
}

/** Until a store that had hung is asked again by both, and tells one what the other has put there. */
async function untilShared(first: Host, second: Host): Promise<void> {
  for (;;) {
    const message = fresh()
    await send(first, message)
    await new Promise((resolve) => setTimeout(resolve, 50))
    if ((await send(second, message)) === 'known') return
  }
}

/** Mail that keeps clamd busy, by one clamd and by two, in turns. */
async function farm(first: string, settings: Record<string, string>): Promise<void> {
  const second = await startClamd()
  t.teardown(second.stop)
  const letter = zipLetter()
  const without = { ...settings, VERDICTS: 'off' }
  const host = await openHost(without)
  const two = await openHost({ ...without, CLAMD: `${first} ${second.socket}` })
  const rates: number[] = []
  for (let round = 0; round < RATES; round++) {
    const alone = await copies([host], letter, quick ? 40 : 100)
    const both = await copies([two], letter, quick ? 40 : 100)
    rates.push(both.rate / alone.rate)
  }
  row('two clamds over one, messages/s of a mail that keeps clamd busy', median(rates), 1.7, 'at least') // biome-ignore format: a row
  const { cores } = describeMachine(directory)
  if (cores < 4) {
    say(
      `        clamd scans several messages at once by itself: with ${cores} cores for clamd, onescand`,
    )
    say('        and who sends, a second one has nothing to run on. This says nothing of a farm of hosts.') // biome-ignore format: as above
  }
}

function pairs(what: string, differences: readonly number[], goal: number): void {
  const middle = median(differences)
  const isClear = Math.abs(middle - goal) > 2 * errorOfMedian(differences)
  const label = isClear ? (middle <= goal ? 'met   ' : 'MISSED') : 'UNSURE'
  say(`${label}  ${what}: ${middle.toFixed(3)} (at most ${goal})`)
  say(`        (${quartiles(differences)})`)
}

/** The standard error that the median of so many would have if they were normally spread. */
function errorOfMedian(values: readonly number[]): number {
  const spread = (percentile(values, 0.75) - percentile(values, 0.25)) / 1.349
  return (1.253 * spread) / Math.sqrt(values.length)
}

function quartiles(differences: readonly number[]): string {
  const [low, high] = [0.25, 0.75].map((share) => percentile(differences, share).toFixed(3))
  const middle = median(differences).toFixed(3)
  return `median ${middle}, quartiles ${low} and ${high}, of ${differences.length}`
}

function row(what: string, value: number, goal: number, how: 'at least' | 'at most'): void {
  const isMet = how === 'at least' ? value >= goal : value <= goal
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(3)
  say(`${isMet ? 'met   ' : 'MISSED'}  ${what}: ${shown} (${how} ${goal})`)
}

function kib({ length }: Buffer): number {
  return Math.round(length / 1024)
}
