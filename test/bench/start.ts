import { setTimeout as wait } from 'node:timers/promises'
import { startOnescand } from './onescand.ts'
import { cpuOfServers } from './server-cpu.ts'

/** Milliseconds without work after which a daemon counts as idle. */
const IDLE = 2000

export interface Start {
  /** Milliseconds until it takes mail. */
  readonly listens: number
  /** Milliseconds of processor time of all its processes, until they are idle. */
  readonly processor: number
}

/** What it costs to start onescand with one worker. */
export async function measureStart(
  program: string,
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<Start> {
  const began = performance.now()
  const words = ['--workers', '1']
  const daemon = await startOnescand(program, 'start', directory, environment, words)
  const listens = performance.now() - began
  let used = cpuOfServers([daemon.pid])
  for (let idleSince = performance.now(); performance.now() - idleSince < IDLE; ) {
    await wait(100)
    const now = cpuOfServers([daemon.pid])
    if (now > used) idleSince = performance.now()
    used = now
  }
  await daemon.stop()
  return { listens, processor: used }
}
