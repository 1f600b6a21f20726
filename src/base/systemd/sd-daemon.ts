import { requireSystem } from '../runtime/system.ts'

/**
 * Sends a state to systemd if systemd requests it (sd_notify(3)), and does not wait. This process sends it
 * itself, as units with NotifyAccess=main require. A state that cannot be sent is lost.
 */
export function notify({ NOTIFY_SOCKET }: NodeJS.ProcessEnv, state: string): void {
  if (NOTIFY_SOCKET) requireSystem(UNHEARD).sendDatagram(NOTIFY_SOCKET, state)
}

const UNHEARD = 'systemd cannot be notified'

/**
 * Notifies systemd that this process serves, and then repeatedly until the signal is aborted, if it requires that
 * (WatchdogSec=).
 */
export function notifyReady(env: NodeJS.ProcessEnv, running: AbortSignal): void {
  notify(env, 'READY=1')
  const within = watchdogTime(env)
  if (within === undefined || running.aborted) return
  const timer = setInterval(() => notify(env, 'WATCHDOG=1'), within / 2)
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
