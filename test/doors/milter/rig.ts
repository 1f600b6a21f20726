import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createMilterDoor } from '../../../src/doors/milter/door.ts'
import {
  defaultTimeouts,
  type MilterOptions,
  type MilterTimeouts,
} from '../../../src/doors/milter/server.ts'
import { type Configuration, readConfiguration } from '../../../src/doors/shared/configuration.ts'
import type { Door } from '../../../src/doors/shared/serve.ts'
import { Budget } from '../../../src/ground/flow/memory-budget.ts'
import type { QuotaLookup } from '../../../src/scan/quota/quota-answer.ts'
import { HostMemory } from '../../../src/scan/verdicts/host-memory.ts'
import { type Agreed, call, everything, type Line, negotiate, type Offer, says } from './mta.ts'
import { type Delivery, type Submission, submit } from './submit.ts'

/** What the rig needs of tap's test object. */
interface Test {
  teardown(stop: () => unknown): void
}

export interface OpenMilter extends Door {
  readonly socket: string
  /** A private directory that goes with the test: the socket `s`, and TMPDIR. */
  readonly directory: string
  /** Trouble of the daemon's own. */
  readonly log: readonly string[]
  /** The lines about mail. */
  readonly mailLog: readonly string[]
  /** A connection of an MTA that has negotiated, and told who its client is. */
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

interface Setup extends Partial<Omit<MilterOptions, 'timeouts'>> {
  /** Those that are not the standard ones. */
  readonly timeouts?: Partial<MilterTimeouts>
  readonly quota?: QuotaLookup
}

/** onescand's milter door in this process, under an environment of its own. */
export async function openMilter(
  t: Test,
  environment: Readonly<Record<string, string>>,
  { quota, timeouts, ...options }: Setup = {},
): Promise<OpenMilter> {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-milter-'))
  const socket = join(directory, 's')
  const log: string[] = []
  const mailLog: string[] = []
  const memory = new HostMemory()
  const configured = async (env: Readonly<Record<string, string>>) => {
    const place = { PATH: process.env.PATH ?? '', CONTROLDIR: '/nonexistent', TMPDIR: directory }
    const read = await readConfiguration({ ...place, ...env }, (line) => log.push(line), memory)
    t.teardown(read.close)
    if (quota === undefined) return read
    return { ...read, quota: quota as Configuration['quota'] } // it is asked, and nothing else
  }
  const milter = createMilterDoor(await configured(environment), {
    maxClients: 100,
    budget: new Budget(64 * 1024 * 1024),
    timeouts: { ...defaultTimeouts, ...timeouts },
    log: (line) => log.push(line),
    mailLog: (line) => mailLog.push(line.toString('latin1')),
    ...options,
  })
  milter.server.listen(socket)
  await once(milter.server, 'listening')
  t.teardown(async () => {
    if (milter.server.listening) await milter.close(0)
    rmSync(directory, { recursive: true, force: true })
  })

  async function connect(offer: Offer = everything, client?: string): Promise<Mta> {
    const line = await call(socket)
    t.teardown(() => line.socket.destroy())
    const agreed = await negotiate(line, offer)
    line.write(says.connect(client))
    if (offer.version < 6) await line.hear()
    return Object.assign(Object.create(line) as Line, {
      agreed,
      submit: (mail: Submission) => submit(line, agreed, mail),
    })
  }

  return {
    ...milter,
    socket,
    directory,
    log,
    mailLog,
    connect,
    configured,
    async submit(mail, offer) {
      const mta = await connect(offer, mail.client)
      const delivery = await mta.submit(mail)
      mta.write(says.quit)
      await mta.close()
      return delivery
    },
  }
}
