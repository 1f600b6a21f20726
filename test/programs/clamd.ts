import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isExecutable } from '../../src/ground/process/execute.ts'
import { readClamdAddress } from '../../src/scan/scanners/clamd/address.ts'
import { askClamd } from '../../src/scan/scanners/clamd/sessions.ts'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { freePort } from './free-port.ts'
import type { Ending } from './server.ts'

/** The name of the virus at this clamd, whose database is not that of ClamAV. */
export const EICAR_NAME = 'EICAR-Test.UNOFFICIAL'

const program = ['/usr/sbin/clamd', '/usr/local/sbin/clamd', '/usr/bin/clamd'].find(isExecutable)

/**
 * Why tests with a real clamd are skipped, or false: `t.test(name, { skip: clamdMissing }, ...)`.
 */
export const clamdMissing: string | false =
  program === undefined && 'clamd is missing: install Debian package clamav-daemon'

export interface ClamdOptions {
  /** Limits as in clamd.conf(5), each with K or M. The defaults are those of clamd. */
  readonly streamMaxLength?: string
  readonly maxFileSize?: string
  readonly maxScanSize?: string
  /** Whether clamd answers FOUND for what is over a limit, instead of OK. */
  readonly alertExceedsMax?: boolean
  readonly maxFiles?: number
  /** Whether clamd opens mail, and archives. The default is yes. */
  readonly scanMail?: false
  readonly scanArchive?: false
  /** Whether clamd forgets what it has called clean, which may spare it a limit. */
  readonly disableCache?: boolean
  /** Has clamd add hash and size to the name of a signature. */
  readonly extendedDetectionInfo?: boolean
  /** What it knows beside EICAR: the text of each file of its database, by the file's name. */
  readonly database?: Readonly<Record<string, string>>
  /** Connections that wait to be taken; clamd's own default is 200, Debian's setting 15. */
  readonly maxConnectionQueueLength?: number
  /**
   * The LocalSocket, if another clamd was or will be there. The default is one in its directory.
   */
  readonly socket?: string
  /** Whether clamd also listens on a free port of 127.0.0.1. */
  readonly tcp?: boolean
  /**
   * The account that clamd changes to, for tests with files that it may not read. Only root can set
   * it; without it clamd runs as the user of the test.
   */
  readonly user?: string
  /**
   * The place of its directory, which holds its temporary files. The default is that of the system.
   */
  readonly parent?: string
  /** The directory of its signatures, which is there when it has ended; by default one in its directory. */
  readonly signatures?: string
}

/** Milliseconds after which the time of a file is later by more than the step of the kernel's coarse clock. */
const FILE_TIMES = 25

export interface Clamd {
  /** The LocalSocket, open to every user, to which tests set CLAMD. */
  readonly socket: string
  /** `127.0.0.1:port` with the option `tcp`, else ''. */
  readonly tcp: string
  /** The configuration file, which clamdscan(1) takes as well. */
  readonly configFile: string
  /** Private to this clamd, readable by all, writable by its user; goes with stop(). */
  readonly directory: string
  /** The process, for SIGSTOP and SIGKILL. */
  readonly pid: number
  /** Resolves when it writes this, which it has not yet. */
  says(what: RegExp): Promise<void>
  /** Ends it, waits for that and removes its directory. May be called again. */
  stop(): Promise<void>
}

/**
 * Starts a real clamd that knows one virus, EICAR, and what `database` has, and ends with the test. Resolves
 * when clamd answers PING, and rejects with its output if it does not start.
 *
 *     const clamd = await startClamd(t, { streamMaxLength: '1M' })
 */
export async function startClamd(t: Ending, options: ClamdOptions = {}): Promise<Clamd> {
  if (program === undefined) throw new Error(String(clamdMissing))
  const directory = mkdtempSync(join(options.parent ?? tmpdir(), 'onescan-clamd-'))
  const socket = options.socket ?? join(directory, 'clamd.sock')
  const configFile = join(directory, 'clamd.conf')
  const port = options.tcp ? await freePort() : 0

  chmodSync(directory, 0o755)
  if (options.user !== undefined) giveTo(options.user, directory)
  const database = options.signatures ?? join(directory, 'db')
  mkdirSync(database, { recursive: true })
  const signature = `EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}\n`
  const files = { 'x.ndb': signature, ...options.database }
  for (const [name, text] of Object.entries(files)) {
    if (!existsSync(join(database, name))) writeFileSync(join(database, name), text)
  }
  writeFileSync(configFile, configuration(directory, socket, port, options))
  // Else its socket may be as old as its signatures, as far as the times of files tell: onescand would not
  // take them for loaded.
  await new Promise((resolve) => setTimeout(resolve, FILE_TIMES))

  const child = spawn(unconfined(program, directory), [`--config-file=${configFile}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill) // a test that fails badly leaves no clamd behind
  const stop = async () => {
    process.removeListener('exit', kill)
    if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
      const gone = once(child, 'exit')
      kill() // TERM would wait for the scans under way, or for SIGCONT
      await gone
    }
    rmSync(directory, { recursive: true, force: true })
  }
  t.teardown(stop)
  // The last line that clamd writes before it serves: its sockets listen by then.
  await says(child, /^Self checking /m)
  const pong = await askClamd(readClamdAddress(socket), 'PING', AbortSignal.timeout(10_000))
  if (pong.kind !== 'answered') throw new Error(`clamd does not answer PING: ${pong.why}`)
  return {
    socket,
    tcp: port ? `127.0.0.1:${port}` : '',
    configFile,
    directory,
    pid: child.pid!,
    says: (what) => says(child, what),
    stop,
  }
}

function configuration(
  directory: string,
  socket: string,
  port: number,
  options: ClamdOptions,
): string {
  const lines = [
    `LocalSocket ${socket}`,
    'LocalSocketMode 666',
    `DatabaseDirectory ${options.signatures ?? join(directory, 'db')}`,
    `TemporaryDirectory ${directory}`,
    'Foreground yes',
    `AlertExceedsMax ${options.alertExceedsMax ? 'yes' : 'no'}`,
    ...(options.maxFiles === undefined ? [] : [`MaxFiles ${options.maxFiles}`]),
    ...(options.disableCache ? ['DisableCache yes'] : []),
    `ExtendedDetectionInfo ${options.extendedDetectionInfo ? 'yes' : 'no'}`,
  ]
  if (options.scanMail === false) lines.push('ScanMail no')
  if (options.scanArchive === false) lines.push('ScanArchive no')
  if (options.streamMaxLength) lines.push(`StreamMaxLength ${options.streamMaxLength}`)
  if (options.maxFileSize) lines.push(`MaxFileSize ${options.maxFileSize}`)
  if (options.maxScanSize) lines.push(`MaxScanSize ${options.maxScanSize}`)
  if (options.maxConnectionQueueLength) {
    lines.push(`MaxConnectionQueueLength ${options.maxConnectionQueueLength}`)
  }
  if (options.user) lines.push(`User ${options.user}`)
  if (port) lines.push(`TCPSocket ${port}`, 'TCPAddr 127.0.0.1')
  return `${lines.join('\n')}\n`
}

function says(child: ChildProcess, what: RegExp): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = ''
    const read = (text: Buffer) => {
      output += text
      if (what.test(output)) resolve()
    }
    // Read on for as long as it runs, or it stands still at a full pipe.
    child.stdout!.on('data', read)
    child.stderr!.on('data', read)
    child.on('error', reject)
    child.on('exit', () => reject(new Error(`clamd ended: ${output}`)))
  })
}

/**
 * Debian's AppArmor profile ties /usr/sbin/clamd to its own directories. A copy
 * under another name is not tied.
 */
function unconfined(clamd: string, directory: string): string {
  if (readOr('/sys/module/apparmor/parameters/enabled', 'N').trim() !== 'Y') return clamd
  const copy = join(directory, 'clamd')
  copyFileSync(clamd, copy)
  chmodSync(copy, 0o755)
  return copy
}

function giveTo(user: string, path: string): void {
  const id = (flag: string) => Number(execFileSync('id', [flag, user], { encoding: 'utf8' }))
  chownSync(path, id('-u'), id('-g'))
}

function readOr(path: string, fallback: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return fallback
  }
}
