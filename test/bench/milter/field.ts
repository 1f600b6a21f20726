import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startClamavMilter } from '../../programs/clamav-milter.ts'
import type { Clamd } from '../../programs/clamd.ts'
import { freePort } from '../../programs/free-port.ts'
import { type Postfix, startPostfix } from '../../programs/postfix.ts'
import { startOnescand } from '../onescand.ts'
import type { Workshop } from '../workshop.ts'
import type { Contestant, Name } from './contestants.ts'

/** A Postfix for each contestant, alike but for the milter. */
export interface Field {
  readonly postfix: ReadonlyMap<Name, Postfix>
  stop(): Promise<void>
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
  const postfix = new Map<Name, Postfix>()
  const running: { stop(): unknown }[] = []
  const stop = async () => {
    for (const each of running.toReversed()) await each.stop()
  }
  try {
    for (const contestant of contestants) {
      const milter = await startMilter(contestant, ground)
      if (milter) running.push(milter)
      const wishes = milter ? { ...settings, smtpd_milters: milter.address } : settings
      const instance = await startPostfix(25, wishes, ground.spool)
      running.push(instance)
      postfix.set(contestant.name, instance)
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { postfix, stop }
}

async function startMilter(
  { name, milter, transport }: Contestant,
  { workshop, clamd, programs, spool }: Ground,
): Promise<{ readonly address: string; stop(): Promise<void> } | undefined> {
  if (milter === undefined || transport === undefined) return undefined
  if (milter === 'clamav-milter') return startClamavMilter(clamd, { transport, parent: spool })
  const directory = mkdtempSync(join(spool, 'onescan-milter-'))
  chmodSync(directory, 0o755) // for Postfix's own user
  const address =
    transport === 'unix'
      ? `unix:${join(directory, 'socket')}`
      : `inet:127.0.0.1:${await freePort()}`
  const daemon = await startOnescand(
    join(programs, 'onescand'),
    name,
    workshop.directory,
    {
      ...workshop.environment(clamd),
      REJECTVIRUS: '1',
    },
    ['--milter', address, '--mode', '0666'],
  )
  return {
    address,
    async stop() {
      await daemon.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

/** Resolves once Postfix has nothing more to do: it works on after the last 250. */
export async function untilIdle(postfix: Postfix): Promise<void> {
  while (postfix.queued() > 0) await wait(50)
}
