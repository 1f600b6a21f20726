import { spawn } from 'node:child_process'

/**
 * Tells systemd (sd_notify(3)) where it asks to be told. No runtime has datagram sockets of
 * the unix family, so systemd's own program speaks for us; its word counts where the unit
 * has NotifyAccess=all. Resolves when that was said, or could not be.
 */
export function notify(
  { NOTIFY_SOCKET, PATH }: NodeJS.ProcessEnv,
  ...state: readonly string[]
): Promise<void> {
  if (!NOTIFY_SOCKET) return Promise.resolve()
  return new Promise((resolve) => {
    const child = spawn('systemd-notify', state, {
      stdio: 'ignore',
      env: { NOTIFY_SOCKET, PATH: PATH ?? '/usr/bin:/bin' },
    })
    child.once('error', () => resolve())
    child.once('exit', () => resolve())
  })
}
