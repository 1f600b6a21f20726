import { setTimeout as wait } from 'node:timers/promises'
import { startOnescand } from '../../doors/daemon/process.ts'
import { callDoor } from '../../doors/smtp/client.ts'
import { startNext } from '../../doors/smtp/next-server.ts'
import { freePort } from '../../programs/free-port.ts'
import { treeOf } from '../daemon-memory.ts'

/** What came of the messages of a run in which onescand was killed again and again. */
export interface KillFigures {
  readonly kills: number
  /** Messages that clients tried to send, each try by itself. */
  readonly tries: number
  /** Those that were answered 250. */
  readonly accepted: number
  /** Answered 250, and not behind. */
  readonly lost: readonly string[]
  /** More than once behind for one try. */
  readonly twice: readonly string[]
  /** Behind, although the client was not told: the reply was lost after the next server's. */
  readonly untold: number
}

interface Teardown {
  teardown(stop: () => unknown): void
}

/**
 * Kills all processes of onescand by SIGKILL, so many times, while clients send through it as fast
 * as they can.
 */
export async function runKills(t: Teardown, kills: number, clients = 10): Promise<KillFigures> {
  const next = await startNext(t)
  const port = await freePort()
  const start = async () => {
    const daemon = startOnescand(t, {
      args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next.port}`],
      settings: { QHPSI: 'plugin: eicar' },
    })
    await daemon.logged(/serving/)
    return daemon
  }
  const accepted: string[] = []
  let tries = 0
  let over = false

  async function send(id: string): Promise<void> {
    const client = await callDoor(port)
    try {
      await client.hear()
      await client.say('EHLO client.example.org')
      await client.say('MAIL FROM:<ann@example.net>')
      await client.say('RCPT TO:<ben@example.org>')
      await client.say('DATA')
      client.write(`Subject: x\r\nX-Try: ${id}\r\n\r\n${'line of text\r\n'.repeat(300)}.\r\n`)
      if ((await client.hear())?.startsWith('250')) accepted.push(id)
    } finally {
      client.socket.destroy()
    }
  }

  async function keepSending(who: number): Promise<void> {
    for (let n = 0; !over; n++) {
      tries++
      await send(`${who}-${n}`).catch(() => wait(10))
    }
  }

  let daemon = await start()
  const sending = Array.from({ length: clients }, (_, who) => keepSending(who))
  for (let n = 0; n < kills; n++) {
    const before = accepted.length
    while (accepted.length < before + clients) await wait(5)
    await wait(Math.random() * 100)
    for (const pid of treeOf(daemon.pid)) {
      try {
        process.kill(pid, 'SIGKILL')
      } catch {
        // It has ended with the other one.
      }
    }
    await daemon.ended
    daemon = await start()
  }
  over = true
  await Promise.all(sending)
  const behind = new Map<string, number>()
  for (const { content } of next.got) {
    const [, id = ''] = /^X-Try: (\S+)/m.exec(content.toString('latin1')) ?? []
    behind.set(id, (behind.get(id) ?? 0) + 1)
  }
  const told = new Set(accepted)
  return {
    kills,
    tries,
    accepted: accepted.length,
    lost: accepted.filter((id) => !behind.has(id)),
    twice: [...behind].filter(([, count]) => count > 1).map(([id]) => id),
    untold: [...behind.keys()].filter((id) => !told.has(id)).length,
  }
}
