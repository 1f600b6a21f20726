import { isCompiled } from './compiled-program.ts'

/**
 * Makes process.stdin, stdout and stderr lead nowhere on Node, which opens process.stderr
 * whenever a socket is closed, to see whether it is that one, and so sets O_NONBLOCK on a
 * pipe that others log to as well. Bun does not, but would if we so much as looked.
 */
export function leaveStandardStreamsAlone(): void {
  if (isCompiled) return
  for (const name of ['stdin', 'stdout', 'stderr']) {
    Object.defineProperty(process, name, { value: nowhere, configurable: true })
  }
}

/** What console needs of a stream. */
const nowhere = {
  write: () => true,
  once: () => nowhere,
  removeListener: () => nowhere,
  listenerCount: () => 0,
}
