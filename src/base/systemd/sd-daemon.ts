import { runProgram } from '../process/run-program.ts'
import { loadSystem } from '../runtime/system.ts'

/**
 * Sends a state to systemd if systemd requests it (sd_notify(3)). This process sends it itself, as units with
 * NotifyAccess=main require. No runtime has unix datagram sockets. So without the addon this starts
 * systemd-notify, which systemd accepts only if the unit has NotifyAccess=all. Resolves when the state was
 * sent, or could not be sent.
 */
export async function notify(
  { NOTIFY_SOCKET, PATH }: NodeJS.ProcessEnv,
  ...state: readonly string[]
): Promise<void> {
  if (!NOTIFY_SOCKET) return
  if (loadSystem()?.sendDatagram(NOTIFY_SOCKET, state.join('\n'))) return
  const env = { NOTIFY_SOCKET, PATH: PATH ?? '/usr/bin:/bin' }
  const command = ['systemd-notify', ...state]
  await runProgram({ command, env, within: undefined }).catch(() => {}) // it is missing
}

/**
 * Notifies systemd that this process serves, and then repeatedly until the signal is aborted, if it requires that
 * (WatchdogSec=).
 */
export async function notifyReady(env: NodeJS.ProcessEnv, running: AbortSignal): Promise<void> {
  await notify(env, 'READY=1')
  const within = watchdogTime(env)
  if (within === undefined || running.aborted) return
  const timer = setInterval(() => void notify(env, 'WATCHDOG=1'), within / 2)
  running.addEventListener('abort', () => clearInterval(timer))
}

/**
 * Returns within how many milliseconds systemd expects WATCHDOG=1 each time (WatchdogSec=), or
 * undefined if it expects none: sd_watchdog_enabled(3).
 */
function watchdogTime({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(process.pid)) return undefined
  return /^[1-9][0-9]{3,14}$/.test(WATCHDOG_USEC ?? '') ? Number(WATCHDOG_USEC) / 1000 : undefined
}

/** The first of the listening descriptors that systemd or another parent passes: sd_listen_fds(3). */
export const FIRST_HANDED_OVER = 3

/**
 * Returns the descriptors that systemd passed to this process, or an empty list if they are meant for another
 * process.
 */
export function activatedDescriptors(env: NodeJS.ProcessEnv): number[] {
  const { LISTEN_PID, LISTEN_FDS = '' } = env
  if (LISTEN_PID !== String(process.pid) || !/^[0-9]{1,3}$/.test(LISTEN_FDS)) return []
  return Array.from({ length: Number(LISTEN_FDS) }, (_, index) => FIRST_HANDED_OVER + index)
}
