import { Fault } from '../runtime/fault.ts'

/** Bytes that the path of a unix socket may have: unix(7), sun_path without its NUL. */
export const SOCKET_PATH_MAX = 107

/**
 * The path of a unix socket: absolute, and short enough for the kernel. `name` is the
 * variable or option that gave it. Throws a Fault of kind `config`.
 */
export function socketPath(path: string, name: string): string {
  if (!path.startsWith('/')) throw new Fault('config', `${name} ${path}: must be an absolute path`)
  const length = Buffer.byteLength(path)
  if (length <= SOCKET_PATH_MAX) return path
  throw new Fault(
    'config',
    `${name} ${path}: a socket's path of ${length} bytes; the system takes ${SOCKET_PATH_MAX}`,
  )
}
