import { join } from 'node:path'
import type { Configuration } from '../../../../../src/scanner/configuration/configuration.ts'
import { createSlotSocketDoor } from '../../../../../src/scanner/doors/slot/socket/slot-door.ts'
import {
  type SlotSocketOptions,
  type SlotTimeouts,
  slotTimeouts,
} from '../../../../../src/scanner/doors/slot/socket/slot-options.ts'
import type { Ending } from '../../../../programs/host/server.ts'
import { aroundDoor, type InPlace, type OpenedDoor } from '../../in-process.ts'
import { ask, carryOut, type Outcome, type Question } from './client.ts'

/** Its directory also has its socket `s`. */
export interface OpenSlot extends OpenedDoor {
  readonly socket: string
  ask(question?: Question): Promise<Outcome>
  configured(environment: Readonly<Record<string, string>>): Promise<Configuration>
}

interface Setup extends Partial<Omit<SlotSocketOptions, 'timeouts'>>, Pick<InPlace, 'scan'> {
  /** Those that are not the standard ones. */
  readonly timeouts?: Partial<SlotTimeouts>
}

/** onescand's slot socket in this process, under an environment of its own. */
export async function openSlot(
  t: Ending,
  environment: Readonly<Record<string, string>>,
  { timeouts, scan, ...options }: Setup = {},
): Promise<OpenSlot> {
  const around = aroundDoor(t, { scan, scannerName: 'eicar' })
  const socket = join(around.directory, 's')
  const door = createSlotSocketDoor(await around.configured(environment), {
    maxSize: 8 * 1024 * 1024,
    maxClients: 20,
    memory: 32 * 1024 * 1024,
    identifyPeer: () => ({ uid: process.getuid!(), pid: process.pid }),
    log: around.options.log,
    timeouts: { ...slotTimeouts, ...timeouts },
    ...options,
  })
  return {
    ...(await around.open(door, socket)),
    socket,
    configured: around.configured,
    async ask(question = {}) {
      return carryOut(await ask(socket, question), question)
    },
  }
}
