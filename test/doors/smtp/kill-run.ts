import { setTimeout as wait } from 'node:timers/promises'
import { newest, type RunningDaemon, startOnescand } from '../../daemon/process.ts'
import { findProgram } from '../../needs.mjs'
import { freePort } from '../../programs/host/free-port.ts'
import { treeOf } from '../../programs/host/process-tree.ts'
import type { Ending } from '../../programs/host/server.ts'
import { callDoor } from './client.ts'
import type { Destination } from './destinations.ts'

/** What came of the messages of a run in which onescand was killed again and again. */
export interface KillFigures {
  readonly kills: number
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

/** A step at which strace(1) kills a process: its call of that name, the first being 1. */
export type Step = readonly [call: string, when: number]

/**
 * Calls by which a message is kept: of the first one the folders of the day, eight of them, are put on
 * the disk; of each the file, its name, and the directory.
 */
export const STEPS: readonly Step[] = [
  ...[1, 4, 5, 8, 9, 10, 11, 12].map((when) => ['fsync', when] as const),
  ...[1, 2].map((when) => ['rename', when] as const),
]

/** Kills all processes of onescand by SIGKILL, this many times, while clients send as fast as they can. */
export function runKills(t: Ending, destination: Destination, kills: number) {
  return underLoad(t, destination, async ({ start, accepted }) => {
    let daemon = await start()
    for (let n = 0; n < kills; n++) {
      const before = accepted()
      while (accepted() < before + CLIENTS) await wait(5)
      await wait(Math.random() * 100)
      killTree(daemon)
      await daemon.ended
      daemon = await start()
    }
    return kills
  })
}

/** Kills each worker of onescand at that step, this many of them, under the same load. Needs strace. */
export function runKillsAt(t: Ending, destination: Destination, step: Step, kills: number) {
  return underLoad(t, destination, async ({ start }) => {
    const daemon = await start(step)
    const ends = () => daemon.log.filter((line) => / exited with SIGKILL;/.test(line)).length
    while (ends() < kills) await wait(5)
    const killed = ends()
    killTree(daemon)
    await daemon.ended
    await start()
    return killed
  })
}

const CLIENTS = 10

interface Load {
  start(step?: Step): Promise<RunningDaemon>
  /** How many messages were answered 250 so far. */
  accepted(): number
}

/** Clients send while `kill` is at work, which resolves to how many it has killed, and another one serves. */
async function underLoad(
  t: Ending,
  { settings, nextPort, body, contents }: Destination,
  kill: (load: Load) => Promise<number>,
): Promise<KillFigures> {
  const port = await freePort()
  const start = async (step?: Step) => {
    return startOnescand(t, {
      ...(step && { program: [...killingAt(step), ...newest] }),
      args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${nextPort}`],
      // One thread, as strace counts the calls of each.
      settings: { ...settings, ...(step && { UV_THREADPOOL_SIZE: '1' }) },
    })
  }
  const textOf = (id: string) => `Subject: x\r\nX-Try: ${id}\r\n\r\n${body}`
  /** What a try was told; `nothing` if its dot was sent, and no reply came. */
  const told = new Map<string, 'taken' | 'refused' | 'nothing'>()
  let accepted = 0
  let over = false

  /** Whether it was taken. */
  async function send(id: string): Promise<boolean> {
    const client = await callDoor(port)
    try {
      await client.hear()
      await client.say('EHLO client.example.org')
      await client.say('MAIL FROM:<ann@example.net>')
      await client.say('RCPT TO:<ben@example.org>')
      if (!(await client.say('DATA')).startsWith('354')) return false
      told.set(id, 'nothing')
      client.write(`${textOf(id)}.\r\n`)
      const reply = await client.hear()
      if (reply !== undefined) told.set(id, reply.startsWith('250') ? 'taken' : 'refused')
      return told.get(id) === 'taken'
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
  const kills = await kill({ start, accepted: () => accepted })
  over = true
  await Promise.all(sending)
  const there = (await contents()).map((content) => {
    const text = content.toString('latin1').replaceAll(/\r?\n/g, '\r\n')
    return { id: /^X-Try: (\S+)/m.exec(text)?.[1] ?? '', text }
  })
  const damaged = there.filter(({ id, text }) => !text.endsWith(textOf(id))).map(({ id }) => id)
  const tryIds = there.map(({ id }) => id)
  return { kills, accepted, tries, damaged, ...explain(tryIds, told) }
}

/** The tries that are there, beside what the clients were told. */
function explain(
  tries: readonly string[],
  told: ReadonlyMap<string, 'taken' | 'refused' | 'nothing'>,
): Pick<KillFigures, 'lost' | 'again' | 'replyLost' | 'unexplained'> {
  const behind = new Set(tries)
  const messages = tries.map((id) => id.split('.', 1)[0]!)
  const twice = tries.filter((id, index) => tries.indexOf(id) !== index)
  const notTaken = [...behind].filter((id) => told.get(id) !== 'taken')
  return {
    lost: [...told].filter(([id, what]) => what === 'taken' && !behind.has(id)).map(([id]) => id),
    again: [...new Set(messages.filter((id, index) => messages.indexOf(id) !== index))],
    replyLost: notTaken.filter((id) => told.get(id) === 'nothing').length,
    unexplained: [...twice, ...notTaken.filter((id) => told.get(id) !== 'nothing')],
  }
}

/** The words in front of a program by which each of its processes is killed at that call. */
export function killingAt([call, when]: Step): readonly string[] {
  const inject = `inject=${call}:signal=KILL:when=${when}`
  return [findProgram('strace')!, '-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject] // biome-ignore format: a line
}

function killTree({ pid }: RunningDaemon): void {
  for (const member of treeOf(pid)) {
    try {
      process.kill(member, 'SIGKILL')
    } catch {
      // It has ended with the other one.
    }
  }
}
