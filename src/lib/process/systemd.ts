import { spawn } from 'node:child_process'
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
  await new Promise<void>((resolve) => {
    const env = { NOTIFY_SOCKET, PATH: PATH ?? '/usr/bin:/bin' }
    const child = spawn('systemd-notify', state, { stdio: 'ignore', env })
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
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
