import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs, promisify } from 'node:util'
import { startOnescand } from '../../doors/daemon/process.ts'
import { callDoor } from '../../doors/smtp/client.ts'
import { startNext } from '../../doors/smtp/next-server.ts'
import { type Clamd, startClamd } from '../../programs/clamd.ts'
import { freePort } from '../../programs/free-port.ts'
import { untilListening } from '../../programs/listening.ts'
import { startPostfix } from '../../programs/postfix.ts'
import { clamsmtpProgram } from '../../programs/unpack.mjs'
import { compiled } from '../compile.ts'
import { pssOfTree } from '../daemon-memory.ts'
import { runKills } from './kill-run.ts'

/**
 * npm run bench:smtp: how much mail passes through the SMTP door before the queue of Postfix, beside
 * a filter that hands on all bytes and looks at none, and beside clamsmtp; its memory at 200
 * sessions; and fifty kills. All in one run, turn by turn.
 */

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    messages: { type: 'string', default: '300' },
    kills: { type: 'string', default: '50' },
    only: { type: 'string' },
  },
})
const SESSIONS = 10
const say = (line: string) => process.stdout.write(`${line}\n`)
const stops: (() => unknown)[] = []
const t = { teardown: (stop: () => unknown) => void stops.unshift(stop) }
const run = promisify(execFile)

/** A filter between the Postfix of the clients and its other smtpd. */
interface Filter {
  readonly name: string
  /** Listens at the first port, and hands on to the second. */
  start(port: number, next: number, clamd: Clamd): Promise<void>
}

const filters: readonly Filter[] = [
  {
    name: 'pass-through in C',
    async start(port, next) {
      await started(compiled('pass'), [String(port), String(next)], port)
    },
  },
  {
    name: 'onescand, unscanned',
    async start(port, next) {
      const daemon = startOnescand(t, {
        args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next}`, '--workers', '2'],
      }) // biome-ignore format: a list
      await daemon.logged(/serving/)
    },
  },
  {
    name: 'onescand',
    async start(port, next, clamd) {
      const daemon = startOnescand(t, {
        args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next}`, '--workers', '2'],
        settings: { QHPSI: 'plugin: clamd', REJECTVIRUS: '1', CLAMD: clamd.socket, VERDICTS: 'off' },
      }) // biome-ignore format: a list
      await daemon.logged(/serving/)
    },
  },
  {
    name: 'clamsmtpd',
    async start(port, next, clamd) {
      const file = join(clamd.directory, 'clamsmtpd.conf')
      const lines = [`OutAddress: 127.0.0.1:${next}`, `Listen: 127.0.0.1:${port}`, `ClamAddress: ${clamd.socket}`, `TempDirectory: ${clamd.directory}`, 'Action: bounce', ] // biome-ignore format: a list
      writeFileSync(file, `${lines.join('\n')}\n`)
      await started(clamsmtpProgram, ['-d', '1', '-f', file], port)
    },
  },
]

async function started(program: string, words: string[], port: number): Promise<void> {
  const child = spawn(program, words, { stdio: 'ignore' })
  t.teardown(() => child.kill('SIGKILL'))
  await untilListening({ host: '127.0.0.1', port }, child)
}

/** Messages a second, of the whole way from smtp-source to the queue behind. */
async function send(port: number, bytes: number, messages: number): Promise<number> {
  const began = performance.now()
  await run('smtp-source', ['-s', String(SESSIONS), '-m', String(messages), '-l', String(bytes), '-f', 'ann@example.net', '-t', 'ben@example.org', `127.0.0.1:${port}`]) // biome-ignore format: a list
  return (messages * 1000) / (performance.now() - began)
}

const median = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1]! // biome-ignore format: a line

async function compare(): Promise<void> {
  const clamd = await startClamd()
  t.teardown(() => clamd.stop())
  const lanes: { name: string; port: number; rates: Map<number, number[]> }[] = []
  for (const filter of filters) {
    const [port, next] = [await freePort(), await freePort()]
    await filter.start(port, next, clamd)
    // Mail is thrown away once it is queued.
    const main = { default_transport: 'discard', relayhost: '', default_process_limit: '100', smtpd_client_connection_count_limit: '0' } // biome-ignore format: a list
    const postfix = await startPostfix(1, main, undefined, {
      smtpd: (own) =>
        `127.0.0.1:${own} inet n - n - - smtpd -o smtpd_proxy_filter=127.0.0.1:${port}`,
      services: `127.0.0.1:${next} inet n - n - - smtpd -o smtpd_authorized_xforward_hosts=127.0.0.0/8\n`,
    })
    t.teardown(postfix.stop)
    lanes.push({ name: filter.name, port: postfix.port, rates: new Map() })
  }
  const sizes = [4096, 100 * 1024]
  for (const lane of lanes) await send(lane.port, 4096, 50)
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const size of sizes) {
      for (const lane of lanes) {
        const rate = await send(lane.port, size, Number(values.messages))
        lane.rates.set(size, [...(lane.rates.get(size) ?? []), rate])
      }
    }
  }
  for (const size of sizes) {
    const [pass, door, ours, clamsmtp] = lanes.map(({ rates }) => median(rates.get(size)!))
    for (const { name, rates } of lanes) {
      say(`${size} bytes, ${name}: ${median(rates.get(size)!).toFixed(0)} messages/s`)
    }
    say(`  onescand, unscanned, over pass-through: ${(door! / pass!).toFixed(2)}`)
    const goal = size === 4096 ? 0.8 : 0.7
    say(`  onescand over pass-through: ${(ours! / pass!).toFixed(2)} (goal ${goal})`)
    say(`  onescand over clamsmtpd: ${(ours! / clamsmtp!).toFixed(2)} (goal 1)`)
  }
}

/** 200 clients, each amid a message of 20 MB. */
async function weigh(): Promise<void> {
  const next = await startNext(t)
  const port = await freePort()
  const daemon = startOnescand(t, {
    args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next.port}`],
    settings: { QHPSI: 'plugin: eicar' },
  })
  await daemon.logged(/serving/)
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, pssOfTree(daemon.pid))
  }, 100)
  const block = Buffer.from(`${'x'.repeat(78)}\r\n`.repeat(800))
  const clients = await Promise.all(
    Array.from({ length: 200 }, async () => {
      const client = await callDoor(port)
      await client.hear()
      for (const line of ['EHLO c', 'MAIL FROM:<a@b.example>', 'RCPT TO:<b@b.example>', 'DATA']) await client.say(line) // biome-ignore format: a line
      client.socket.on('error', (error) => say(`${error.message}: ${daemon.log.join(' / ')}`))
      return client
    }),
  )
  const sent = clients.map(async ({ socket }) => {
    const closed = once(socket, 'close')
    for (let n = 0; n < 20_000_000; n += block.length) {
      if (socket.write(block)) continue
      const drained = new AbortController()
      await Promise.race([once(socket, 'drain', drained), closed])
      drained.abort()
    }
  })
  await Promise.all(sent)
  await wait(500)
  clearInterval(watching)
  say(`200 sessions amid 20 MB each: ${most.toFixed(0)} MB at most (goal 250)`)
  for (const { socket } of clients) socket.destroy()
}

async function kill(): Promise<void> {
  const { kills, tries, accepted, lost, twice, untold } = await runKills(t, Number(values.kills))
  say(`${kills} kills, ${tries} tries, ${accepted} answered 250`)
  say(`  answered 250 and not behind: ${lost.length} (goal 0)`)
  say(`  one try twice behind: ${twice.length} (goal 0)`)
  say(`  behind without a reply, which was lost after the next server's 250: ${untold}`)
}

const parts = { compare, weigh, kill }
try {
  for (const [name, part] of Object.entries(parts)) {
    if (values.only === undefined || values.only === name) await part()
  }
} finally {
  for (const stop of stops) await stop()
}
process.exit(0)
