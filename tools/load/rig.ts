import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Ending } from '../../test/programs/host/server.ts'
import { startClamd } from '../../test/programs/servers/clamd.ts'
import { newest, startOnescand } from '../../test/scanner/daemon/process.ts'
import { milterDoor } from '../../test/scanner/doors/passages/milter-door.ts'
import type { Door } from '../../test/scanner/doors/passages/passage.ts'
import { openPlace } from '../../test/scanner/doors/passages/place.ts'
import { clientAndDaemon } from '../../test/scanner/doors/passages/slot-doors.ts'

const compiled = join(import.meta.dirname, '../../build/native/onescand')
const [node = '', bundle = ''] = newest
const delays = join(import.meta.dirname, 'delays.mjs')

/** What the daemon runs on: Node with turns of its event loop out of order, and compiled. */
export const runtimes: readonly { readonly name: string; readonly program: readonly string[] }[] = [
  { name: 'Node', program: [node, '--import', delays, bundle] },
  ...(existsSync(compiled) ? [{ name: 'compiled', program: [compiled] }] : []),
]

/**
 * The interfaces of one daemon with its clamd: of the real onescanc, with large mail in SPOOLDIR, and of an MTA.
 * All bytes between programs come late and in other pieces.
 */
export async function openLoadRig(t: Ending, program: readonly string[]): Promise<readonly Door[]> {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const place = openPlace(t, clamd.socket)
  const settings = { ...place.settings, CLAMD: place.at('clamd') }
  await slowly(t, settings.CLAMD, clamd.socket)
  const daemon = await startOnescand(t, {
    program,
    args: [
      ...['--mode', '0600', '--max-clients', '1000', '--memory', '2G'],
      ...['--milter', `unix:${place.at('m')}`],
    ],
    settings,
  })
  await slowly(t, place.at('slot'), daemon.socket, place.at('milter'), place.at('m'))
  return [clientAndDaemon(settings, place.at('slot')), milterDoor(t, daemon, place.at('milter'))]
}

/** Opens slow ways: pairs of a path, and of the server's that it leads to. */
async function slowly(t: Ending, ...places: readonly string[]): Promise<void> {
  const script = join(import.meta.dirname, 'slow-socket.ts')
  const child = spawn(process.execPath, [script, ...places], { stdio: ['pipe', 'pipe', 'inherit'] })
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.stdin.end()
    await ended
  })
  const [first] = await Promise.race([once(child.stdout, 'data'), ended])
  if (!(first instanceof Buffer)) throw new Error(`${script} ended with ${first}`)
}
