/** The first descriptor that whoever started this process made for it to listen on: sd_listen_fds(3). */
export const FIRST_HANDED_OVER = 3

/** All of them; none if they are for another process. */
export function activatedDescriptors(env: NodeJS.ProcessEnv): number[] {
  const { LISTEN_PID, LISTEN_FDS = '' } = env
  if (LISTEN_PID !== String(process.pid) || !/^[0-9]{1,3}$/.test(LISTEN_FDS)) return []
  return Array.from({ length: Number(LISTEN_FDS) }, (_, index) => FIRST_HANDED_OVER + index)
}
