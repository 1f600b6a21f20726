import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startClamavMilter } from '../../programs/clamav-milter.ts'
import type { Clamd } from '../../programs/clamd.ts'
import { freePort } from '../../programs/free-port.ts'
import { type Postfix, startPostfix } from '../../programs/postfix.ts'
import { startOnescand } from '../onescand.ts'
import type { Workshop } from '../workshop.ts'
import type { Contestant } from './contestants.ts'

/** A Postfix for each contestant, alike but for the milter. */
export interface Field {
  readonly lanes: readonly Lane[]
  stop(): Promise<void>
}

/** A contestant, and who works for it. */
export interface Lane {
  readonly contestant: Contestant
  readonly postfix: Postfix
  /** Processes of the milter and of clamd; none where nobody scans. */
  readonly servers: readonly number[]
  /** What onescand wrote; undefined for the others. */
  readonly log: string | undefined
}

/** Where everything lies and what it is made of. */
export interface Ground {
  readonly workshop: Workshop
  readonly clamd: Clamd
  /** Directory of the compiled programs. */
  readonly programs: string
  /** Directory for queues and for files that live for a moment. */
  readonly spool: string
}

/** What Postfix does with mail that it took costs the same, and as little as may be. */
const settings = {
  default_transport: 'discard:the benchmark',
  in_flow_delay: '0',
  smtpd_client_connection_count_limit: '0',
  milter_default_action: 'tempfail',
}

export async function openField(
  contestants: readonly Contestant[],
  ground: Ground,
): Promise<Field> {
  const lanes: Lane[] = []
  const running: { stop(): unknown }[] = []
  const stop = async () => {
    for (const contestant of running.toReversed()) await contestant.stop()
  }
  try {
    for (const contestant of contestants) {
      const milter = await startMilter(contestant, ground)
      if (milter) running.push(milter)
      const setup = milter ? { ...settings, smtpd_milters: milter.address } : settings
      const postfix = await startPostfix(25, setup, ground.spool)
      running.push(postfix)
      const servers = milter ? [milter.pid, ground.clamd.pid] : []
      lanes.push({ contestant, postfix, servers, log: milter?.log })
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { lanes, stop }
}

interface Milter {
  readonly address: string
  readonly pid: number
  readonly log?: string
  stop(): Promise<void>
}

async function startMilter(
  { name, milter, transport, settings: own }: Contestant,
  { workshop, clamd, programs, spool }: Ground,
): Promise<Milter | undefined> {
  if (milter === undefined || transport === undefined) return undefined
  if (milter === 'clamav-milter') return startClamavMilter(clamd, { transport, parent: spool })
  const directory = mkdtempSync(join(spool, 'onescan-milter-'))
  chmodSync(directory, 0o755) // for Postfix's own user
  const remove = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', remove)
  const address =
    transport === 'unix'
      ? `unix:${join(directory, 'socket')}`
      : `inet:127.0.0.1:${await freePort()}`
  const daemon = await startOnescand(
    join(programs, 'onescand'),
    name,
    directory,
    {
      ...workshop.environment(clamd),
      REJECTVIRUS: '1',
      ...own,
    },
    ['--milter', address, '--mode', '0666'],
  )
  return {
    address,
    pid: daemon.pid,
    log: join(directory, `${name}.log`),
    async stop() {
      await daemon.stop()
      remove()
      process.removeListener('exit', remove)
    },
  }
}

/** Resolves once Postfix has nothing more to do: it works on after the last 250. */
export async function untilIdle(postfix: Postfix): Promise<void> {
  while (postfix.queued() > 0) await wait(50)
}
