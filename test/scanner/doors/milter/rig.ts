import { join } from 'node:path'
import type { Configuration } from '../../../../src/scanner/configuration/configuration.ts'
import { createMilterDoor } from '../../../../src/scanner/doors/milter/milter-door.ts'
import {
  type MilterOptions,
  type MilterTimeouts,
  milterTimeouts,
} from '../../../../src/scanner/doors/milter/milter-services.ts'
import type { Ending } from '../../../programs/host/server.ts'
import { aroundDoor, type InPlace, type OpenedDoor } from '../in-process.ts'
import {
  type Agreed,
  call,
  everything,
  exchange,
  type Line,
  negotiate,
  type Offer,
  packets,
} from './mta.ts'
import { type Delivery, type Submission, submit } from './submit.ts'

/** Its directory also has its socket `s`. */
export interface OpenMilter extends OpenedDoor {
  readonly socket: string
  /** A connection of an MTA that has negotiated, and named its client. */
  connect(offer?: Offer): Promise<Mta>
  /** One message on a connection of its own. */
  submit(mail: Submission, offer?: Offer): Promise<Delivery>
  configured(environment: Readonly<Record<string, string>>): Promise<Configuration>
}

export interface Mta extends Line {
  readonly agreed: Agreed
  /** One more message. */
  submit(mail: Submission): Promise<Delivery>
}

interface Setup extends Partial<Omit<MilterOptions, 'timeouts'>>, InPlace {
  /** Those that are not the standard ones. */
  readonly timeouts?: Partial<MilterTimeouts>
}

/** onescand's milter door in this process, under an environment of its own. */
export async function openMilter(
  t: Ending,
  environment: Readonly<Record<string, string>>,
  { quota, scan, timeouts, ...options }: Setup = {},
): Promise<OpenMilter> {
  const around = aroundDoor(t, { quota, scan })
  const socket = join(around.directory, 's')
  const door = createMilterDoor(await around.configured(environment), {
    maxClients: 100,
    timeouts: { ...milterTimeouts, ...timeouts },
    ...around.options,
    ...options,
  })
  const milter = await around.open(door, socket)

  async function connect(offer: Offer = everything, client?: string): Promise<Mta> {
    const line = await call(socket)
    t.teardown(() => line.socket.destroy())
    const agreed = await negotiate(line, offer)
    await exchange(line, agreed, packets.connect(client))
    return Object.assign(Object.create(line) as Line, {
      agreed,
      submit: (mail: Submission) => submit(line, agreed, mail),
    })
  }

  return {
    ...milter,
    socket,
    connect,
    configured: around.configured,
    async submit(mail, offer) {
      const mta = await connect(offer, mail.client)
      const delivery = await mta.submit(mail)
      mta.write(packets.quit)
      await mta.close()
      return delivery
    },
  }
}
