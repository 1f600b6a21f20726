import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { onescanc } from '../c/onescanc/client.ts'
import { newest, startOnescand } from '../doors/daemon/process.ts'
import { startClamd } from '../programs/clamd.ts'
import type { Ending } from '../programs/server.ts'
import { milterDoor } from '../second-reader/milter-door.ts'
import type { Door } from '../second-reader/passage.ts'
import { type Python, startPython } from '../second-reader/readers/python.ts'
import { clientAndDaemon } from '../second-reader/slot-doors.ts'
import { key, keyring } from '../second-reader/stamped.ts'

const compiled = join(import.meta.dirname, '../../build/native/onescand')
const [node = '', bundle = ''] = newest
const delays = join(import.meta.dirname, 'delays.mjs')

/** What the daemon runs on: Node with turns of its event loop out of order, and compiled. */
export const runtimes: readonly { readonly name: string; readonly program: readonly string[] }[] = [
  { name: 'Node', program: [node, '--import', delays, bundle] },
  ...(existsSync(compiled) ? [{ name: 'compiled', program: [compiled] }] : []),
]

export interface LoadRig {
  /** Real onescanc, with large mail in SPOOLDIR. */
  readonly client: Door
  readonly milter: Door
  readonly python: Python
}

/** One daemon with its clamd; all that is said between programs comes late and in other pieces. */
export async function openLoadRig(t: Ending, program: readonly string[]): Promise<LoadRig> {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const directory = mkdtempSync(join(tmpdir(), 'onescan-load-'))
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const at = (name: string) => join(directory, name)
  mkdirSync(at('spool'), { mode: 0o700 })
  writeFileSync(at('ring'), keyring, { mode: 0o600 })
  await slowly(t, at('clamd'), clamd.socket)

  const settings = {
    QHPSI: 'plugin: clamd',
    CLAMD: at('clamd'),
    CLUSTERKEYS: at('ring'),
    CLAMDBDIR: '/nonexistent',
    SPOOLDIR: at('spool'),
    REJECTVIRUS: '1',
  }
  const daemon = await startOnescand(t, {
    program,
    args: [
      ...['--mode', '0600', '--max-clients', '1000', '--memory', '2G'],
      ...['--milter', `unix:${at('m')}`],
    ],
    settings,
  })
  await slowly(t, at('slot'), daemon.socket, at('milter'), at('m'))

  const refuse = { daemon, milter: at('milter') }
  const milter = milterDoor({ refuse, tag: refuse, skip: refuse })
  t.teardown(() => milter.close())
  const slot = { ...daemon, socket: at('slot') }
  const python = startPython(EICAR, { [key.id]: key.secret.toString('base64url') })
  t.teardown(() => python.stop())
  return {
    client: clientAndDaemon(
      [onescanc],
      { refuse: settings, tag: settings, skip: settings },
      { refuse: slot, tag: slot, skip: slot },
    ),
    milter,
    python,
  }
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
