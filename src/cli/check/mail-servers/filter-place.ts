import { join } from 'node:path'
import type { ServiceAddress } from '../../../doors/milter/wire/ask.ts'

/**
 * undefined if the text names no place. Under a chroot, a path is relative to the queue directory.
 */
export function placeOf(text: string, chroot: string | undefined): ServiceAddress | undefined {
  const [, path] = /^(?:unix|local):(.+)$/.exec(text) ?? []
  if (path !== undefined) {
    return {
      path: chroot !== undefined || !path.startsWith('/') ? join(chroot ?? '/', path) : path,
    }
  }
  const [, host, port] = /^inet:(?:\[?([^\]]*)\]?:)?(\d+)$/.exec(text) ?? []
  return port === undefined ? undefined : { host: host || '127.0.0.1', port: Number(port) }
}
