import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { NetConnectOpts } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clamd } from './clamd.ts'
import { freePort } from './free-port.ts'
import { findProgram } from './install.mjs'
import { untilListening } from './listening.ts'

/** Why its tests are skipped; false if it is there. */
export const clamavMilterMissing: string | false =
  !findProgram('clamav-milter') && 'install Debian package clamav-milter'

export interface ClamavMilter {
  /** The address as Postfix writes it: `unix:/path` or `inet:127.0.0.1:port`. */
  readonly address: string
  readonly pid: number
  stop(): Promise<void>
}

/** ClamAV's own milter before a clamd: it tags what is clean, refuses what is not. */
export async function startClamavMilter(
  clamd: Clamd,
  setup: {
    readonly transport: 'unix' | 'inet'
    /** Where its directory is made. */
    readonly parent?: string
  },
): Promise<ClamavMilter> {
  const directory = mkdtempSync(join(setup.parent ?? tmpdir(), 'onescan-clamav-milter-'))
  chmodSync(directory, 0o755)
  const { address, setting, where } = await chooseSocket(setup.transport, directory)
  const lines = [
    `MilterSocket ${setting}`,
    'MilterSocketMode 666',
    `ClamdSocket unix:${clamd.socket}`,
    `TemporaryDirectory ${directory}`,
    'Foreground yes',
    'AddHeader Replace',
    'OnInfected Reject',
    'RejectMsg virus %v',
    'OnFail Defer',
  ]
  const configuration = join(directory, 'clamav-milter.conf')
  writeFileSync(configuration, `${lines.join('\n')}\n`)
  const child = spawn('clamav-milter', [`--config-file=${configuration}`], { stdio: 'ignore' })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  const ended = once(child, 'exit').catch(() => {})
  const stop = async () => {
    process.removeListener('exit', kill)
    kill() // TERM would wait for the MTA to close its connections
    await ended
    rmSync(directory, { recursive: true, force: true })
  }
  try {
    await once(child, 'spawn')
    await untilListening(where, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { address, pid: child.pid!, stop }
}

async function chooseSocket(
  transport: 'unix' | 'inet',
  directory: string,
): Promise<{ address: string; setting: string; where: NetConnectOpts }> {
  if (transport === 'unix') {
    const path = join(directory, 'socket')
    return { address: `unix:${path}`, setting: `unix:${path}`, where: { path } }
  }
  const port = await freePort()
  const where = { port, host: '127.0.0.1' }
  return { address: `inet:127.0.0.1:${port}`, setting: `inet:${port}@127.0.0.1`, where }
}
