import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readQuarantine } from '../../cases/kept.ts'
import { infected } from '../../cases/messages.ts'
import { buildStage } from '../../cases/stage.ts'
import { lacks } from '../../needs.mjs'
import { freePort } from '../../programs/host/free-port.ts'
import { until } from '../../run/until.ts'
import { newest, type RunningDaemon, startOnescand } from '../daemon/process.ts'
import { submitTo } from './milter/submit.ts'
import { callDoor } from './smtp/client.ts'
import { killingAt } from './smtp/kill-run.ts'
import { startNext } from './smtp/next-server.ts'
import { sendThrough } from './smtp/rig.ts'

/**
 * A worker is killed while it keeps a message, and the client sends it again: whatever the door, there is one
 * copy. For the standalone slot see slot/quarantine.test.ts.
 */

type Settings = Readonly<Record<string, string>>

/** A door of onescand: its options, and how it is sent a message. Resolves to whether it took that. */
interface Killed {
  readonly args: readonly string[]
  send(message: Buffer, onescand: RunningDaemon, variables: Settings): Promise<boolean>
}

const interfaces: Readonly<Record<string, (t: Test, directory: string) => Promise<Killed>>> = {
  'the slot socket': async () => ({
    args: [],
    send: async (message, { ask }, variables) => (await ask({ message, variables })).code === 0,
  }),
  async milter(_, directory) {
    const path = join(directory, 'm')
    return {
      args: ['--milter', `unix:${path}`],
      send: async (message) => (await submitTo(path, { message })).outcome === 'dropped',
    }
  },
  async SMTP(t) {
    const [port, next] = [await freePort(), await startNext(t)]
    const call = async () => {
      const client = await callDoor(port)
      await client.hear()
      return client
    }
    return {
      args: ['--smtp', `inet:127.0.0.1:${port}`, '--next', `inet:127.0.0.1:${next.port}`],
      async send(message) {
        const content = message.toString('latin1').replaceAll('\n', '\r\n')
        return (await sendThrough({ call }, content)).startsWith('250')
      },
    }
  },
}

/**
 * Of the file, and of the directory in which it has its name by then. A worker that has come so far has
 * made the folder; the first process does not make so many.
 */
const steps = [
  ['fsync', 4],
  ['fsync', 5],
] as const

const skip = lacks('strace')

for (const [name, make] of Object.entries(interfaces)) {
  for (const step of steps) {
    t.test(`${name}, killed at ${step.join(' number ')}`, { skip }, async (t) => {
      const { directory, scanner, quarantine } = buildStage(t)
      const { args, send } = await make(t, directory)
      const settings = { QHPSI: scanner, QUARANTINE: quarantine }
      const onescand = await startOnescand(t, {
        program: [...killingAt(step), ...newest],
        args,
        settings: { ...settings, UV_THREADPOOL_SIZE: '1' },
      })
      let tries = 0
      const sendAgain = () => {
        const received = Buffer.from(`Received: from x by y; try ${++tries}\n`)
        return send(Buffer.concat([received, infected]), onescand, settings).catch(() => false)
      }
      await until(sendAgain, 'the message is taken')
      t.ok(tries > 1, 'a worker was killed')
      t.equal((await readQuarantine(quarantine)).length, 1)
      onescand.kill()
    })
  }
}
