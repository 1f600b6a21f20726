import { setTimeout as wait } from 'node:timers/promises'
import { findProgram } from '../../../needs.mjs'
import { freePort } from '../../../programs/host/free-port.ts'
import { isRunning } from '../../../programs/host/is-running.ts'
import { treeOf } from '../../../programs/host/process-tree.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { until } from '../../../run/until.ts'
import { type RunningDaemon, startOnescand } from '../../daemon/process.ts'
import { callDoor } from './client.ts'
import type { Destination } from './destinations.ts'

/** What came of the messages of a run in which onescand was killed again and again. */
export interface KillFigures {
  /** Messages, each tried by its client until it is answered 250. */
  readonly accepted: number
  readonly tries: number
  /** Answered 250, and that try is not where it belongs. */
  readonly lost: readonly string[]
  /** Messages that are there more than once. */
  readonly again: readonly string[]
  /**
   * Copies of those, each a try whose dot was sent and whose connection broke before any reply: the
   * client cannot know what happened to it (RFC 1047), and must come again.
   */
  readonly replyLost: number
  /** Copies that this does not explain: a try that is there twice, or that was answered otherwise. */
  readonly unexplained: readonly string[]
  /** There, but not as they were sent. */
  readonly damaged: readonly string[]
}

const CLIENTS = 10

/** Kills all processes of onescand by SIGKILL, this many times, while clients send as fast as they can. */
export async function runKills(
  t: Ending,
  { settings, nextPort, body, contents }: Destination,
  kills: number,
): Promise<KillFigures> {
  const port = await freePort()
  const args = ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${nextPort}`]
  const start = () => startOnescand(t, { args, settings })
  const textOf = (id: string) => `Subject: x\r\nX-Try: ${id}\r\n\r\n${body}`
  /** The reply to a try; `nothing` if its dot was sent, and no reply came. */
  const outcomes = new Map<string, 'taken' | 'refused' | 'nothing'>()
  let accepted = 0
  let over = false

  /** Whether it was taken. */
  async function send(id: string): Promise<boolean> {
    const client = await callDoor(port)
    try {
      await client.hear()
      await client.command('EHLO client.example.org')
      await client.command('MAIL FROM:<ann@example.net>')
      await client.command('RCPT TO:<ben@example.org>')
      if (!(await client.command('DATA')).startsWith('354')) return false
      outcomes.set(id, 'nothing')
      client.write(`${textOf(id)}.\r\n`)
      const reply = await client.hear()
      if (reply !== undefined) outcomes.set(id, reply.startsWith('250') ? 'taken' : 'refused')
      return outcomes.get(id) === 'taken'
    } finally {
      client.socket.destroy()
    }
  }

  let tries = 0
  async function keepSending(who: number): Promise<void> {
    for (let n = 0; !over; n++) {
      for (let attempt = 0; ; attempt++) {
        tries++
        if (await send(`${who}-${n}.${attempt}`).catch(() => false)) break
        await wait(10)
      }
      accepted++
    }
  }

  const sending = Array.from({ length: CLIENTS }, (_, who) => keepSending(who))
  let daemon = await start()
  for (let n = 0; n < kills; n++) {
    const before = accepted
    while (accepted < before + CLIENTS) await wait(5)
    await wait(Math.random() * 100)
    await killTree(daemon)
    daemon = await start()
  }
  over = true
  await Promise.all(sending)
  const there = (await contents()).map((content) => {
    const text = content.toString('latin1').replaceAll(/\r?\n/g, '\r\n')
    return { id: /^X-Try: (\S+)/m.exec(text)?.[1] ?? '', text }
  })
  const damaged = there.filter(({ id, text }) => !text.endsWith(textOf(id))).map(({ id }) => id)
  const tryIds = there.map(({ id }) => id)
  return { accepted, tries, damaged, ...explain(tryIds, outcomes) }
}

/** The tries that are there, beside the replies to the clients. */
function explain(
  tries: readonly string[],
  outcomes: ReadonlyMap<string, 'taken' | 'refused' | 'nothing'>,
): Pick<KillFigures, 'lost' | 'again' | 'replyLost' | 'unexplained'> {
  const behind = new Set(tries)
  const messages = tries.map((id) => id.split('.', 1)[0]!)
  const twice = tries.filter((id, index) => tries.indexOf(id) !== index)
  const notTaken = [...behind].filter((id) => outcomes.get(id) !== 'taken')
  return {
    lost: [...outcomes]
      .filter(([id, what]) => what === 'taken' && !behind.has(id))
      .map(([id]) => id),
    again: [...new Set(messages.filter((id, index) => messages.indexOf(id) !== index))],
    replyLost: notTaken.filter((id) => outcomes.get(id) === 'nothing').length,
    unexplained: [...twice, ...notTaken.filter((id) => outcomes.get(id) !== 'nothing')],
  }
}

/** The words in front of a program by which strace(1) kills each of its processes at that call, the first being 1. */
export function killingAt([call, when]: readonly [call: string, when: number]): readonly string[] {
  const inject = `inject=${call}:signal=KILL:when=${when}`
  return [findProgram('strace')!, '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject] // biome-ignore format: a line
}

/** Kills all of its processes. Resolves when they have ended, and nothing listens at its ports. */
async function killTree({ pid, ended }: RunningDaemon): Promise<void> {
  process.kill(pid, 'SIGSTOP') // it starts no more of them
  const members = treeOf(pid)
  for (const member of members) {
    try {
      process.kill(member, 'SIGKILL')
    } catch {
      // It has ended with the other one.
    }
  }
  await ended
  await until(() => !members.some(isRunning), 'its processes have ended')
}
