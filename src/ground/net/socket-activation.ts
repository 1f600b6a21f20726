/**
 * The first of the listening descriptors that systemd or another parent hands over:
 * sd_listen_fds(3).
 */
export const FIRST_HANDED_OVER = 3

/**
 * Returns the descriptors that were handed over to this process; none if they are for another one.
 */
export function activatedDescriptors(env: NodeJS.ProcessEnv): number[] {
  const { LISTEN_PID, LISTEN_FDS = '' } = env
  if (LISTEN_PID !== String(process.pid) || !/^[0-9]{1,3}$/.test(LISTEN_FDS)) return []
  return Array.from({ length: Number(LISTEN_FDS) }, (_, index) => FIRST_HANDED_OVER + index)
}
