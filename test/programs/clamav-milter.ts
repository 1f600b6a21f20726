import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clamd } from './clamd.ts'
import { freePort } from './free-port.ts'
import { findProgram } from './install.mjs'
import { untilListening } from './listening.ts'

/** Why its tests are skipped; false where it is there. */
export const clamavMilterMissing: string | false =
  !findProgram('clamav-milter') && 'install Debian package clamav-milter'

export interface ClamavMilter {
  /** On 127.0.0.1. */
  readonly port: number
  readonly pid: number
  stop(): Promise<void>
}

/** ClamAV's own milter before a clamd: it tags what is clean, refuses what is not. */
export async function startClamavMilter(
  clamd: Clamd,
  parent: string = tmpdir(),
): Promise<ClamavMilter> {
  const directory = mkdtempSync(join(parent, 'onescan-clamav-milter-'))
  const configuration = join(directory, 'clamav-milter.conf')
  const port = await freePort()
  chmodSync(directory, 0o755)
  const lines = [
    `MilterSocket inet:${port}@127.0.0.1`,
    `ClamdSocket unix:${clamd.socket}`,
    `TemporaryDirectory ${directory}`,
    'Foreground yes',
    'AddHeader Replace',
    'OnInfected Reject',
    'RejectMsg virus %v',
    'OnFail Defer',
  ]
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
    await untilListening({ port, host: '127.0.0.1' }, child)
  } catch (error) {
    await stop()
    throw error
  }
  return { port, pid: child.pid!, stop }
}
