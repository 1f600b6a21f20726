// `npm run bench:observe`: reading logs, and what metrics and the page cost.
//
// Processor time counts beside the clock: it stays the same on a machine that has other work.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { makeEnvelope } from '../../../src/message/envelope/envelope.ts'
import { startOnescand } from '../../doors/daemon/process.ts'
import { clamdMissing, startClamd } from '../../programs/clamd.ts'
import { freePort } from '../../programs/free-port.ts'
import { treeOf } from '../daemon-memory.ts'
import { median } from '../statistics.ts'
import { makeLog } from './made-log.ts'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '1000' },
    messages: { type: 'string', default: '3000' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '10' },
    only: { type: 'string' },
  },
})
const rounds = Number(values.rounds)
const bundle = resolve(import.meta.dirname, '../../../dist/onescan.cjs')
const ends: (() => unknown)[] = []
const host = { teardown: (end: () => unknown) => void ends.push(end) }

try {
  if (values.only === undefined || values.only === 'logs') await readLogs()
  if (values.only === undefined || values.only === 'follow') await followLogs()
  if (values.only === undefined || values.only === 'daemon') await onAgainstOff()
  if (values.only === undefined || values.only === 'pages') await manyPages()
} finally {
  for (const end of ends.reverse()) await end()
}

async function readLogs(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-log-'))
  ends.push(() => rmSync(directory, { recursive: true }))
  const log = join(directory, 'log')
  const other = join(directory, 'other')
  const id = makeLog(log, Number(values.megabytes) * 1e6)
  copyFileSync(log, other)
  const to = 'Box17@example.net' // one message of two thousand
  const count = '{ n[$3]++ } END { for (k in n) print k, n[k] }'
  const commands = {
    'grep -F': ['grep', '-F', id, log],
    'onescan log --id': [process.execPath, bundle, 'log', log, '--id', id],
    'grep -F -i': ['grep', '-iF', to, log],
    'onescan log --to': [process.execPath, bundle, 'log', log, '--to', to],
    'grep, two logs': ['grep', '-iF', to, log, other],
    'log --to, merged': [process.execPath, bundle, 'log', log, other, '--to', to],
    'awk, one field': ['awk', count, log],
    'onescan report': [process.execPath, bundle, 'report', log],
  }
  const times: Record<string, Cost[]> = {}
  for (let round = 0; round <= rounds; round++) {
    for (const [name, words] of Object.entries(commands)) {
      const cost = await costOf(words, join(directory, 'out'))
      // The first round fills the page cache.
      if (round > 0) times[name] = [...(times[name] ?? []), cost]
    }
  }
  say(
    `${values.megabytes} MB of log, ${rounds} rounds: seconds, of them processor time, MB at most`,
  )
  const figure = (name: string, of: keyof Cost) => median(times[name]!.map((cost) => cost[of]))
  for (const name of Object.keys(commands)) {
    const [clock, cpu, peak] = (['clock', 'cpu', 'peak'] as const).map((of) => figure(name, of))
    say(`  ${name.padEnd(18)} ${clock!.toFixed(2)}  ${cpu!.toFixed(2)}  ${peak!.toFixed(0)}`)
  }
  const over = (name: string, base: string) =>
    (['clock', 'cpu'] as const).map((of) => (figure(name, of) / figure(base, of)).toFixed(2))
  say(`  log --id over grep -F, clock and processor: ${over('onescan log --id', 'grep -F').join(', ')}; at most 3`) // biome-ignore format: as printed
  say(`  log --to over grep -F -i, clock and processor: ${over('onescan log --to', 'grep -F -i').join(', ')}; at most 2`) // biome-ignore format: as printed
  say(`  two logs merged, log --to over grep: ${over('log --to, merged', 'grep, two logs').join(', ')}; at most 3`) // biome-ignore format: as printed
  say(`  report over awk, clock and processor: ${over('onescan report', 'awk, one field').join(', ')}; at most 3`) // biome-ignore format: as printed
}

/** Memory for the ten lines that `--follow` begins with, and for all since a time. */
async function followLogs(): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-log-'))
  ends.push(() => rmSync(directory, { recursive: true }))
  const log = join(directory, 'log')
  makeLog(log, Number(values.megabytes) * 1e6)
  for (const [name, words] of Object.entries({
    'ten lines': [],
    'all since 2020': ['--since', '2020-01-01'],
  })) {
    const child = spawn(process.execPath, [bundle, 'log', log, '--follow', ...words], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    let lines = 0
    child.stdout.on('data', (chunk: Buffer) => {
      for (const byte of chunk) if (byte === 10) lines++
    })
    for (let before = -1; lines === 0 || lines > before; ) {
      before = lines
      await pause(2)
    }
    say(`log --follow, ${values.megabytes} MB, ${name}: ${lines} lines, ${peakOf(child.pid!).toFixed(0)} MB at most; at most 250`) // biome-ignore format: as printed
    child.kill()
  }
}

interface Cost {
  readonly clock: number
  readonly cpu: number
  readonly peak: number
}

/**
 * A shell waits for it and tells what its child took (proc(5), stat: cutime, cstime). It writes
 * into a file: where its output is /dev/null, grep ends at the first line that it finds.
 */
async function costOf(words: readonly string[], out: string): Promise<Cost> {
  const script = '"$@" >"$0"; cat /proc/$$/stat'
  const began = performance.now()
  const child = spawn('sh', ['-c', script, out, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let peak = 0
  const timer = setInterval(() => {
    for (const pid of treeOf(child.pid!).slice(1)) peak = Math.max(peak, peakOf(pid))
  }, 100)
  let stat = ''
  child.stdout.on('data', (chunk) => {
    stat += chunk
  })
  await once(child, 'close')
  clearInterval(timer)
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const cpu = (Number(fields[13]) + Number(fields[14])) / 100
  return { clock: (performance.now() - began) / 1000, cpu, peak }
}

function peakOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1')
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

/** Seconds of processor time of a process and its descendants. */
function cpuOf(pid: number): number {
  let ticks = 0
  for (const member of treeOf(pid)) {
    try {
      const stat = readFileSync(`/proc/${member}/stat`, 'latin1')
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
      ticks += Number(fields[11]) + Number(fields[12])
    } catch {
      // It has ended.
    }
  }
  return ticks / 100
}

async function daemon(args: readonly string[]) {
  const clamd = clamdMissing ? undefined : await startClamd()
  if (clamd) ends.push(() => clamd.stop())
  const settings = clamd
    ? { QHPSI: 'plugin: clamd', CLAMD: clamd.socket }
    : { QHPSI: 'plugin: eicar' }
  const running = startOnescand(host, { args: ['--workers', '2', ...args], settings })
  await running.logged(/serving/)
  const envelope = makeEnvelope(Buffer.from('a@example.org'), [Buffer.from('b@example.org')]).wire
  let number = 0
  return {
    ...running,
    ask() {
      const body = `${'a line of mail, as long as such lines are\n'.repeat(95)}${++number} ${process.hrtime.bigint()}\n`
      const message = Buffer.from(`Subject: x\nMessage-ID: <${number}@x>\n\n${body}`)
      return running.ask({ envelope, message, variables: { QHPSI: settings.QHPSI } })
    },
  }
}

/** Processor time of all processes of onescand for a message of 4 KB, eight at a time. */
async function onAgainstOff(): Promise<void> {
  const off = await daemon([])
  const on = await daemon(['--http', `inet:127.0.0.1:${await freePort()}`])
  const count = Number(values.messages)
  const run = async (daemon: typeof on) => {
    const [cpu, clock] = [cpuOf(daemon.pid), performance.now()]
    let left = count
    const lane = async () => {
      while (left-- > 0) await daemon.ask()
    }
    await Promise.all(Array.from({ length: 8 }, lane))
    const seconds = (performance.now() - clock) / 1000
    return { cpu: ((cpuOf(daemon.pid) - cpu) / count) * 1000, rate: count / seconds }
  }
  await run(off)
  await run(on)
  const figures = { off: [] as number[], on: [] as number[], rates: [] as number[] }
  for (let round = 0; round < rounds; round++) {
    // Each first in turn: whoever comes second finds another machine.
    const order = round % 2 === 0 ? [off, on] : [on, off]
    const rates = new Map<unknown, number>()
    for (const daemon of order) {
      const { cpu, rate } = await run(daemon)
      figures[daemon === on ? 'on' : 'off'].push(cpu)
      rates.set(daemon, rate)
    }
    figures.rates.push(rates.get(on)! / rates.get(off)!)
  }
  const [without, with_] = [median(figures.off), median(figures.on)]
  say(`metrics and history, ${count} messages of 4 KB, eight at a time, ${rounds} rounds`)
  say(`  processor time a message: ${without.toFixed(3)} ms off, ${with_.toFixed(3)} ms on: ${(100 * (with_ / without - 1)).toFixed(1)} % more; at most 2 %`) // biome-ignore format: as printed
  say(`  messages a second, on over off: ${median(figures.rates).toFixed(3)}`)
}

/** Processor time of the http part, by itself, at 200 messages a second and with 100 pages open. */
async function manyPages(): Promise<void> {
  const port = await freePort()
  const script = join(import.meta.dirname, 'http-part.ts')
  const child = spawn(process.execPath, ['--no-warnings', script, String(port)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  ends.push(() => child.kill())
  const seconds = Number(values.seconds)
  let bytes = 0
  const count = (size: number) => {
    bytes += size
  }
  for (let n = 0; n < 100; n++) await openPage(port, count)
  await pause(3) // the runtime compiles
  const [cpu, began, before] = [cpuOf(child.pid!), performance.now(), bytes]
  await pause(seconds)
  const passed = (performance.now() - began) / 1000
  const share = (100 * (cpuOf(child.pid!) - cpu)) / passed
  say(`100 pages open, 200 messages a second: the http part takes ${share.toFixed(1)} % of a core; at most 15 %`) // biome-ignore format: as printed
  say(`  ${((bytes - before) / 1e6 / passed).toFixed(1)} MB a second to all of them`)
}

/** Resolves when events come; asks again while nobody listens yet. */
function openPage(port: number, count: (bytes: number) => void): Promise<void> {
  return new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, path: '/events', agent: false }, (answer) => {
      answer.on('data', (chunk: Buffer) => {
        count(chunk.length)
        resolve()
      })
      answer.on('error', () => {})
    })
    asked.on('error', () => void pause(0.1).then(() => openPage(port, count).then(resolve)))
    asked.end()
  })
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
