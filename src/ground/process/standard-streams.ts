import { isCompiled } from '../runtime/compiled-program.ts'

/**
 * Replaces process.stdin, stdout and stderr by streams that lead nowhere, on Node alone. Whenever a
 * socket is closed, Node opens process.stderr to see whether it is that socket. That sets
 * O_NONBLOCK on a pipe to which other processes log as well. Bun does not open it by itself, but
 * would as soon as this function read the property.
 */
export function leaveStandardStreamsAlone(): void {
  if (isCompiled) return
  for (const name of ['stdin', 'stdout', 'stderr']) {
    Object.defineProperty(process, name, { value: nowhere, configurable: true })
  }
}

/** The part of a stream that `console` needs. */
const nowhere = {
  write: () => true,
  once: () => nowhere,
  removeListener: () => nowhere,
  listenerCount: () => 0,
}
