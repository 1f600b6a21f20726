import { spawn } from 'node:child_process'
import { loadLibc } from './libc.ts'
import { ownChild } from './own-children.ts'

/**
 * Tells systemd (sd_notify(3)) where it asks to be told: this process itself, as units with
 * NotifyAccess=main want it. No runtime has datagram sockets of the unix family: where the
 * C library is out of reach, systemd's own program speaks for us, and its word counts where
 * the unit has NotifyAccess=all. Resolves when that was said, or could not be.
 */
export async function notify(
  { NOTIFY_SOCKET, PATH }: NodeJS.ProcessEnv,
  ...state: readonly string[]
): Promise<void> {
  if (!NOTIFY_SOCKET) return
  const libc = await loadLibc()
  if (libc?.sendDatagram(NOTIFY_SOCKET, state.join('\n'))) return
  await new Promise<void>((resolve) => {
    const env = { NOTIFY_SOCKET, PATH: PATH ?? '/usr/bin:/bin' }
    const child = ownChild(spawn('systemd-notify', state, { stdio: 'ignore', env }))
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
}

/** Milliseconds within which systemd wants to hear WATCHDOG=1 again (WatchdogSec=), if it does: sd_watchdog_enabled(3). */
export function watchdogTime({
  WATCHDOG_USEC,
  WATCHDOG_PID,
}: NodeJS.ProcessEnv): number | undefined {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return undefined
  return /^[1-9][0-9]{3,14}$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) / 1000 : undefined
}
