import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { startOnescand } from '../../doors/daemon/process.ts'
import { callDoor } from '../../doors/smtp/client.ts'
import { startNext } from '../../doors/smtp/next-server.ts'
import { freePort } from '../../programs/free-port.ts'
import { pssOfTree } from '../daemon-memory.ts'
import { atNextServer, inQuarantine } from './destinations.ts'
import { type KillFigures, runKills, runKillsAt, STEPS } from './kill-run.ts'
import { sendLarge } from './large.ts'

/**
 * npm run bench:smtp: the memory of the SMTP door at 200 sessions, and with a message of 100 MB; fifty
 * kills, and as many while it keeps mail in quarantine, with more at each step of that.
 * `--only keep` takes one part.
 */

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    only: { type: 'string' },
  },
})
const say = (line: string) => process.stdout.write(`${line}\n`)
const stops: (() => unknown)[] = []
const t = { teardown: (stop: () => unknown) => void stops.unshift(stop) }

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
  tell('at any moment', await runKills(t, await atNextServer(t), Number(values.kills)))
}

async function keep(): Promise<void> {
  const kills = Number(values.kills)
  tell('at any moment, into quarantine', await runKills(t, await inQuarantine(t), kills))
  for (const step of STEPS) {
    const how = `at ${step[0]} number ${step[1]} of each worker, into quarantine`
    tell(how, await runKillsAt(t, await inQuarantine(t), step, 5))
  }
}

function tell(how: string, { kills, accepted, tries, ...found }: KillFigures): void {
  const { lost, again, replyLost, unexplained, damaged } = found
  say(`${kills} kills ${how}, ${accepted} messages, each tried until it was answered 250: ${tries} tries`) // biome-ignore format: a line
  say(`  answered 250 and not there: ${lost.length} (goal 0); damaged: ${damaged.length} (goal 0)`)
  say(`  there more than once: ${again.length} messages`)
  say(`    tries whose reply was lost when they had been taken: ${replyLost}`)
  say(`    copies that this does not explain: ${unexplained.length} (goal 0)`)
}

async function large(): Promise<void> {
  const { bytes, reply, isWhole, before, most } = await sendLarge(t)
  const memory = `${before.toFixed(0)} MB of memory before it, ${most.toFixed(0)} at most`
  say(`one message of ${bytes} bytes: ${reply}; ${isWhole ? 'whole' : 'NOT WHOLE'}; ${memory}`)
}

const parts = { weigh, large, kill, keep }
try {
  for (const [name, part] of Object.entries(parts)) {
    if (values.only === undefined || values.only === name) await part()
  }
} finally {
  for (const stop of stops) await stop()
}
process.exit(0)
