import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readConfiguration } from '../../../src/doors/shared/configuration.ts'
import type { Door } from '../../../src/doors/shared/serve.ts'
import type { SlotSocketOptions } from '../../../src/doors/slot-socket/server.ts'
import { createSlotSocket } from '../../../src/doors/slot-socket/slot-socket.ts'
import { ask, carryOut, type Outcome, type Question } from './client.ts'

/** What the rig needs of tap's test object. */
interface Test {
  teardown(stop: () => unknown): void
}

export interface OpenSlot extends Door {
  readonly socket: string
  /** The lines that the daemon has logged about its own trouble. */
  readonly log: readonly string[]
  /** A private directory, which is removed with the test. */
  readonly directory: string
  ask(question?: Question): Promise<Outcome>
}

/** onescand's slot socket in this process, under an environment of its own. */
export async function openSlot(
  t: Test,
  environment: Readonly<Record<string, string>>,
  options: Partial<SlotSocketOptions> = {},
): Promise<OpenSlot> {
  const directory = mkdtempSync(join(tmpdir(), 'onescand-'))
  const socket = join(directory, 's')
  const log: string[] = []
  const slot = createSlotSocket(
    await readConfiguration(
      {
        PATH: process.env.PATH,
        CONTROLDIR: '/nonexistent',
        TMPDIR: directory,
        ...environment,
      },
      (line) => log.push(line),
    ),
    {
      maxSize: 8 * 1024 * 1024,
      maxClients: 20,
      memory: 32 * 1024 * 1024,
      identifyPeer: () => ({ uid: process.getuid!(), pid: process.pid }),
      log: (line) => log.push(line),
      ...options,
    },
  )
  slot.server.listen(socket)
  await once(slot.server, 'listening')
  t.teardown(async () => {
    if (slot.server.listening) await slot.close(0)
    rmSync(directory, { recursive: true, force: true })
  })
  return {
    ...slot,
    socket,
    log,
    directory,
    async ask(question = {}) {
      return carryOut(await ask(socket, question), question)
    },
  }
}
