import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, type NetConnectOpts } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** Milliseconds for a server to start. */
const START = 60_000

/**
 * Resolves when a server takes connections, for servers that do not say when they are ready: it is
 * tried again and again. Rejects if the server ends before.
 */
export async function untilListening(where: NetConnectOpts, server: ChildProcess): Promise<void> {
  const deadline = performance.now() + START
  while (!(await takesConnections(where))) {
    const end = server.exitCode ?? server.signalCode
    if (end !== null) throw new Error(`${server.spawnfile} ended with ${end}`)
    if (performance.now() > deadline) throw new Error(`${server.spawnfile} does not listen`)
    await wait(20)
  }
}

async function takesConnections(where: NetConnectOpts): Promise<boolean> {
  const connection = connect(where)
  try {
    await once(connection, 'connect')
    return true
  } catch {
    return false
  } finally {
    connection.destroy()
  }
}
