// `npm run bench:verdicts`: what a memory of verdicts spares, and what it costs. Ratios hold
// from machine to machine, milliseconds do not.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startOnescand } from '../../doors/daemon/process.ts'
import { ask, carryOut } from '../../doors/warm/client.ts'
import { clamdMissing, startClamd } from '../../programs/clamd.ts'
import { type StoreServer, startStore, storeMissing } from '../../programs/store-server.ts'
import { describeMachine, machineText } from '../machine.ts'
import { median } from '../statistics.ts'
import { copyOf, smallText, zipLetter } from './letters.ts'

const AT_ONCE = 8
const quick = process.argv.includes('--quick')
const COPIES = quick ? 200 : 1000
const MISSES = quick ? 200 : 1000
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
  const [one, two] = [await host(shared), await host(shared)]
  say(machineText(describeMachine(directory)))
  say('')
  await misses([without, memory, one, two], 300) // compiled by now

  const letter = zipLetter()
  const alone = await single(without, letter)
  say(`a message of ${kib(letter)} KiB with a zip takes ${alone.toFixed(0)} ms by itself`)
  const slow = await copies([without], letter, quick ? 40 : 200)
  const fast = await copies([memory], letter, COPIES)
  row('copies of it, messages/s with memory over without', fast.rate / slow.rate, 4, 'at least')
  row(`real scans for ${COPIES} of them on one host`, fast.scans, 2, 'at most')
  const both = await copies([one, two], letter, COPIES)
  row('real scans on two hosts that share a store', both.scans, 4, 'at most')

  const text = smallText()
  const rates: number[] = []
  for (let round = 0; round < 5; round++) {
    const off = await copies([without], Buffer.concat([text, Buffer.from(`${round}\n`)]), COPIES)
    const on = await copies([memory], Buffer.concat([text, Buffer.from(`${round}\n`)]), COPIES)
    rates.push(on.rate / off.rate)
  }
  row('copies of a 4 KB text, with memory over without', median(rates), 1.1, 'at least')

  const [base, inMemory, inStore] = await misses([without, memory, one], MISSES)
  row('a miss: ms added to a 4 KB message, memory', inMemory! - base!, 0.05, 'at most')
  row('a miss: ms added to a 4 KB message, store on this machine', inStore! - base!, 0.3, 'at most')

  await hung(one, without, store)
  say(
    'two clamds over one, clamd-bound: wants a machine with cores for both; this one has two cores for all',
  )
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
  return { socket: daemon.socket, settings }
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

/** Milliseconds of the middle one of so many for each host, which come in turn, and are new to all. */
async function misses(hosts: readonly Host[], count: number): Promise<number[]> {
  const times = hosts.map((): number[] => [])
  for (let n = 0; n < count; n++) {
    for (let turn = 0; turn < hosts.length; turn++) {
      const which = (n + turn) % hosts.length
      times[which]!.push(await timed(hosts[which]!, fresh()))
    }
  }
  return times.map(median)
}

function fresh(): Buffer {
  return Buffer.concat([smallText(), Buffer.from(`${serial++}\n`)])
}

async function hung(host: Host, without: Host, store: StoreServer): Promise<void> {
  const [base] = await misses([without], 50)
  process.kill(store.pid, 'SIGSTOP')
  const first = (await timed(host, fresh())) - base!
  const [same, next] = await misses([without, host], 100)
  process.kill(store.pid, 'SIGCONT')
  row('store hung: ms added to the first message', first, 25, 'at most')
  row('store hung: ms added to each of the next hundred', next! - same!, 0.05, 'at most')
}

function row(what: string, value: number, goal: number, how: 'at least' | 'at most'): void {
  const isMet = how === 'at least' ? value >= goal : value <= goal
  const shown = Number.isInteger(value) ? String(value) : value.toFixed(3)
  say(`${isMet ? 'met   ' : 'MISSED'}  ${what}: ${shown} (${how} ${goal})`)
}

function kib({ length }: Buffer): number {
  return Math.round(length / 1024)
}
