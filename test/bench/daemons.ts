import type { Contestant } from './contestants.ts'
import { type Onescand, startOnescand } from './onescand.ts'

/** The daemons of a run. */
export interface Daemons {
  /** What a contestant's environment has beside that of all. */
  settings(contestant: Contestant): Record<string, string>
  /** The process of a contestant's daemon. */
  pid(contestant: Contestant): number | undefined
  stop(): Promise<void>
}

/** One daemon for each contestant that asks one, with the contestant's own environment. */
export async function startDaemons(
  contestants: readonly Contestant[],
  directory: string,
  environment: Readonly<Record<string, string>>,
): Promise<Daemons> {
  const running = new Map<string, Onescand>()
  const stop = async () => {
    for (const daemon of running.values()) await daemon.stop()
  }
  try {
    for (const { name, daemon, settings } of contestants) {
      if (daemon === undefined) continue
      const own = { ...environment, ...settings }
      running.set(name, await startOnescand(daemon, name, directory, own))
    }
  } catch (error) {
    await stop()
    throw error
  }
  return {
    settings({ name, settings }) {
      const socket = running.get(name)?.socket
      return { ...settings, ...(socket === undefined ? {} : { ONESCAN_SOCKET: socket }) }
    },
    pid: ({ name }) => running.get(name)?.pid,
    stop,
  }
}
