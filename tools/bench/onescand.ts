import { join } from 'node:path'
import { type Ending, startServer } from '../../test/programs/host/server.ts'

/**
 * Starts onescand by its command with standard options, and these, under this environment; resolves when it
 * takes connections. Its stderr goes to `NAME.log` in the directory.
 */
export async function startOnescand(
  t: Ending,
  command: readonly string[],
  name: string,
  directory: string,
  env: Readonly<Record<string, string>>,
  options: readonly string[] = [],
): Promise<{ readonly pid: number; readonly socket: string }> {
  const [socket, log] = [join(directory, `${name}.sock`), join(directory, `${name}.log`)]
  const words = [...command, '--socket', socket, ...options]
  const shell = ['/bin/sh', '-c', 'exec "$@" 2>>"$0"', log]
  const { pid, stop } = await startServer([...shell, ...words], { path: socket }, { env })
  t.teardown(() => stop())
  return { pid, socket }
}
