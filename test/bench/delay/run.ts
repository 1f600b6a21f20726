import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { processStat } from '../../../src/ground/process/process-stat.ts'
import { type Gate, speak, startGate } from '../../delay/gate/rig.ts'
import { allWait } from '../../delay/waits.ts'
import { freePort } from '../../programs/free-port.ts'
import { postfixMissing, startPostfix } from '../../programs/postfix.ts'
import { startTcpServer } from '../../programs/ucspi.ts'
import { pssOfTree, treeOf } from '../daemon-memory.ts'
import { median, percentile } from '../statistics.ts'
import { addressOf, greetingTime, openSilent } from './clients.ts'

/**
 * npm run bench:delay: what it costs to keep clients waiting, for the compiled gate, Postfix's
 * postscreen and smtp-delay in tcpserver's chain; what the gate adds to a greeting; and a minute of
 * 500 new clients a second; what is left of 10,000 that connect and leave at once. All in one run. `--waiting`, `--chained`, `--rate`, `--seconds` and
 * `--rounds` choose other numbers, `--only WORD` one part.
 */

const { values } = parseArgs({
  options: {
    waiting: { type: 'string', default: '10000' },
    chained: { type: 'string', default: '300' },
    rate: { type: 'string', default: '500' },
    seconds: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '200' },
    only: { type: 'string' },
  },
})
const native = join(import.meta.dirname, '../../../build/native/smtp-delay')
const GREETER = [
  '/bin/sh',
  '-c',
  "printf '220 hello\\r\\n'; while read -r line; do printf '250 ok\\r\\n'; case $line in QUIT*) exit 0 ;; esac; done",
]
/** Milliseconds for which the processor time of waiting is counted. */
const WATCHED_FOR = 10_000
const say = (line: string) => process.stdout.write(`${line}\n`)
const stops: (() => unknown)[] = []

interface Contestant {
  readonly name: string
  readonly port: number
  /** Its processes are this one and its children. */
  readonly pid: number
  readonly waiting: number
}

/** Memory and processor time of clients that wait, and of none. */
async function hold(): Promise<void> {
  const waiting = Number(values.waiting)
  const gate = await gateWith([...allWait(300), '-c', '40', '--waiting', String(waiting)])
  await weigh({ name: 'gate', port: gate.port, pid: gate.pid, waiting })
  if (postfixMissing === false) {
    const postfix = await startPostscreen(waiting)
    await weigh({ name: 'postscreen', port: postfix.port, pid: postfix.pid, waiting })
  } else say(`postscreen: ${postfixMissing}`)
  const port = await freePort()
  const words = ['-c', '1000', '-H', '-R', '-l', '0', '127.0.0.1', String(port)]
  const delay = [native, ...allWait(300), '--dns-timeout', '0']
  const chain = spawn('tcpserver', [...words, ...delay, ...GREETER], { stdio: 'inherit' })
  stops.push(() => chain.kill())
  await wait(1000)
  await weigh({ name: 'chain', port, pid: chain.pid!, waiting: Number(values.chained) })
}

async function weigh({ name, port, pid, waiting }: Contestant): Promise<void> {
  // One that waits already: what is loaded for the first does not count.
  const first = await openSilent(port, 1)
  await wait(2000)
  const before = pssOfTree(pid)
  const sockets = await openSilent(port, waiting - 1)
  await wait(6000) // all have been looked up
  const closed = sockets.filter((socket) => socket.destroyed || socket.readableEnded).length
  const each = ((pssOfTree(pid) - before) * 1024) / (waiting - 1)
  const cpu = processorTime(pid)
  await wait(WATCHED_FOR)
  const used = ((processorTime(pid) - cpu) / WATCHED_FOR) * 100
  say(
    `${name}: ${waiting} waiting: ${each.toFixed(1)} KB each (all without: ${Math.round(before)} MB), ${used.toFixed(2)} % of a core, ${closed} lost`,
  )
  for (const socket of [...first, ...sockets]) socket.destroy()
  await wait(1000)
}

/** How much later a client is greeted than by a bare tcpserver. */
async function greet(): Promise<void> {
  const rounds = Number(values.rounds)
  const directory = mkdtempSync(join(tmpdir(), 'onescan-bench-'))
  stops.push(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'chain'))
  const bare = await startTcpServer({
    directory,
    rules: ':allow\n',
    program: GREETER,
    environment: process.env,
  })
  stops.push(bare.stop)
  const rules = '127.0.0.2:allow,SMTPDELAY="0.05"\n:allow\n'
  const gate = await gateWith(allWait(0), rules)
  await speak(gate.port)
  const chain = await startTcpServer({
    directory: join(directory, 'chain'),
    rules: ':allow,SMTPDELAY="0"\n',
    program: [native, ...GREETER],
    environment: process.env,
  })
  stops.push(chain.stop)
  const times = {
    chain: [] as number[],
    bare: [] as number[],
    known: [] as number[],
    waited: [] as number[],
  }
  for (let round = 0; round < rounds; round++) {
    times.bare.push(await greetingTime(bare.port, '127.0.0.1'))
    times.chain.push(await greetingTime(chain.port, '127.0.0.1'))
    times.known.push(await greetingTime(gate.port, '127.0.0.1'))
    times.waited.push((await greetingTime(gate.port, '127.0.0.2')) - 50)
  }
  const base = median(times.bare)
  say(
    `greeting: tcpserver ${base.toFixed(2)} ms; in the chain ${signed(median(times.chain) - base)} ms; at the gate a known client ${signed(median(times.known) - base)} ms, after a wait of 50 ms ${signed(median(times.waited) - base)} ms`,
  )
}

/** New clients at a rate, each kept for a second: what the gate adds to that, and who is lost. */
async function flow(): Promise<void> {
  const [rate, seconds] = [Number(values.rate), Number(values.seconds)]
  const gate = await gateWith([...allWait(1), '-c', '2000', '--remember', '0'], ':allow\n', [
    '/bin/echo',
    '220 hello',
  ])
  const cpu = processorTime(gate.pid)
  let lost = 0
  const visits: Promise<void>[] = []
  const start = performance.now()
  for (let number = 0; number < rate * seconds; number++) {
    const due = start + (number / rate) * 1000
    const early = due - performance.now()
    if (early > 0) await wait(early)
    visits.push(
      greetingTime(gate.port, addressOf(number)).then(
        () => {},
        () => void lost++,
      ),
    )
  }
  const took = (performance.now() - start) / 1000
  await Promise.all(visits)
  const used = (processorTime(gate.pid) - cpu) / took / 10
  const added = gate.log
    .flatMap((line) => / event=passed .* waited_ms=([\d.]+)/.exec(line)?.[1] ?? [])
    .map((text) => Number(text) - 1000)
  const at = (share: number) => percentile(added, share).toFixed(1)
  say(
    `flow: ${Math.round((rate * seconds) / took)} new clients a second for ${Math.round(took)} s: ${lost} lost, ${added.length} passed; added to the delay: median ${at(0.5)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms; ${used.toFixed(0)} % of a core`,
  )
}

/** As many as may wait connect, and leave at once: what is left of them. */
async function leave(): Promise<void> {
  const waiting = Number(values.waiting)
  const gate = await gateWith([...allWait(300), '-c', '40', '--waiting', String(waiting)])
  const descriptors = () => readdirSync(`/proc/${gate.pid}/fd`).length
  const [before, cpu] = [descriptors(), processorTime(gate.pid)]
  for (const socket of await openSilent(gate.port, waiting)) socket.destroy()
  for (let tries = 0; descriptors() > before + 4 && tries < 600; tries++) await wait(100)
  const used = processorTime(gate.pid) - cpu
  await wait(2000)
  const idle = processorTime(gate.pid)
  await wait(WATCHED_FOR)
  const after = ((processorTime(gate.pid) - idle) / WATCHED_FOR) * 100
  say(
    `leave: ${waiting} connected and left: ${descriptors() - before} descriptors more than before, ${((used / waiting) * 1000).toFixed(0)} us of the processor each, and ${after.toFixed(2)} % of a core afterwards`,
  )
}

async function gateWith(
  words: readonly string[],
  rules = ':allow\n',
  program = GREETER,
): Promise<Gate> {
  const dns = spawn(process.execPath, [join(import.meta.dirname, 'dns.mjs')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  stops.push(() => dns.kill())
  const gate = await startGate({
    command: [native],
    rules,
    words: [...words, '--dns', `127.0.0.1:${await printed(dns)}`],
    program,
  })
  stops.push(gate.stop)
  return gate
}

/** postscreen(8) with one test, that for clients which talk early, and no limit below `waiting`. */
async function startPostscreen(waiting: number) {
  const postfix = await startPostfix(
    9,
    {
      mynetworks: '192.0.2.1/32',
      postscreen_access_list: '',
      postscreen_greet_wait: '300s',
      postscreen_greet_action: 'enforce',
      postscreen_pre_queue_limit: String(waiting + 100),
      postscreen_client_connection_count_limit: String(waiting),
    },
    tmpdir(),
    {
      smtpd: (port) => `127.0.0.1:${port} inet n - n - 1 postscreen`,
      services: 'smtpd pass - - n - - smtpd\n',
    },
  )
  stops.push(postfix.stop)
  return postfix
}

/** Milliseconds of a process and its descendants. */
function processorTime(pid: number): number {
  return treeOf(pid).reduce((sum, pid) => sum + (processStat(pid)?.used ?? 0), 0)
}

/** The first line of what a process prints. */
async function printed(child: ChildProcess): Promise<string> {
  const [bytes] = (await once(child.stdout!, 'data')) as [Buffer]
  return bytes.toString().trim()
}

const signed = (number: number) => `${number < 0 ? '' : '+'}${number.toFixed(2)}`

const parts = { hold, greet, flow, leave }
try {
  for (const [name, part] of Object.entries(parts)) {
    if (values.only === undefined || values.only === name) await part()
  }
} finally {
  for (const stop of stops.reverse()) await stop()
}
