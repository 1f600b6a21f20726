import { Fault } from '../errors/fault.ts'

/** The most bytes of a unix socket's path: unix(7), sun_path without its NUL. */
const SOCKET_PATH_MAX = 107

/**
 * Checks the path of a unix socket, and returns it. `name` is the variable or option with the path.
 * Throws a Fault of kind `config` if the path is not absolute or too long for the kernel.
 */
export function socketPath(path: string, name: string): string {
  if (!path.startsWith('/')) throw new Fault('config', `${name} ${path}: must be an absolute path`)
  const length = Buffer.byteLength(path)
  if (length <= SOCKET_PATH_MAX) return path
  throw new Fault(
    'config',
    `${name} ${path}: the path has ${length} bytes, but that of a unix socket has at most ${SOCKET_PATH_MAX}`,
  )
}
