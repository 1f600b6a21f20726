import { realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { quickest, type RunningDaemon, startOnescand } from '../../scanner/daemon/process.ts'
import { freePort } from '../host/free-port.ts'
import { openDirectory } from '../host/reachable.ts'
import { inUnitRoot } from '../host/unit-root.ts'
import type { ClamdClient, ClamdPlace } from './client.ts'

/** Returns a free place at which this client asks. */
export async function placeFor(t: Test, { asksBy }: ClamdClient): Promise<ClamdPlace> {
  return asksBy === 'unix' ? { path: join(openDirectory(t), 'socket') } : { port: await freePort() }
}

/**
 * Starts onescand at this place, until the test ends, which sees of the host what its unit lets it see, and `files`.
 * Without CLAMD it asks a clamd that is missing.
 */
export function serve(
  t: Test,
  place: ClamdPlace,
  { CLAMD = '/nonexistent', ...settings }: Readonly<Record<string, string>>,
  files: readonly string[] = [],
): Promise<RunningDaemon> {
  const address = 'path' in place ? `unix:${place.path}` : `inet:127.0.0.1:${place.port}`
  const own = openDirectory(t)
  const doors = 'path' in place ? [dirname(place.path)] : []
  const paths = [own, ...doors, dirname(CLAMD), dirname(realpathSync(quickest[0]!)), ...files]
  return startOnescand(t, {
    program: inUnitRoot(quickest, paths),
    socket: join(own, 'slot'),
    args: ['--clamd', address, '--mode', '0666'],
    settings: {
      QHPSI: 'plugin: clamd',
      CLAMDBDIR: '/nonexistent',
      TMPDIR: own,
      CLAMD,
      ...settings,
    },
  })
}
