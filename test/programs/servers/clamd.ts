import { execFileSync } from 'node:child_process'
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
import { isExecutable } from '../../../src/base/process/execute.ts'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { readClamdAddress } from '../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { ClamdServer } from '../../../src/scanner/scan/scanners/clamd/clamd-server.ts'
import { askClamd } from '../../../src/scanner/scan/scanners/clamd/session-pool.ts'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import type { ScanResult } from '../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { lacks } from '../../needs.mjs'
import { freePort } from '../host/free-port.ts'
import { type Ending, startServer } from '../host/server.ts'

/** The name of the virus at this clamd, whose database is not that of ClamAV. */
export const EICAR_NAME = 'EICAR-Test.UNOFFICIAL'

/** A database of clamd that knows EICAR alone, by file names. */
export const databaseOfEicar: Readonly<Record<string, string>> = {
  'x.ndb': `EICAR-Test:0:*:${Buffer.from(EICAR).toString('hex')}\n`,
}

const installed = ['/usr/sbin/clamd', '/usr/local/sbin/clamd', '/usr/bin/clamd'].find(isExecutable)

/**
 * Why tests with a real clamd are skipped, or false: `t.test(name, { skip: clamdMissing }, ...)`.
 */
export const clamdMissing: string | false = lacks('clamd')

export interface ClamdOptions {
  /** The program, if that is not the installed one. */
  readonly program?: string | undefined
  /** Settings of clamd.conf(5), by their names there. The defaults are those of clamd. */
  readonly streamMaxLength?: string
  readonly maxFileSize?: string
  readonly maxScanSize?: string
  readonly alertExceedsMax?: boolean
  readonly alertEncrypted?: boolean
  readonly alertOLE2Macros?: boolean
  readonly alertBrokenExecutables?: boolean
  readonly structuredDataDetection?: boolean
  readonly maxFiles?: number
  readonly maxRecursion?: number
  readonly PCREMatchLimit?: number
  readonly PCRERecMatchLimit?: number
  readonly scanMail?: false
  readonly scanArchive?: false
  /** Other switches that are off, by their names in clamd.conf(5). */
  readonly off?: readonly string[]
  readonly followFileSymlinks?: boolean
  readonly followDirectorySymlinks?: boolean
  readonly disableCache?: boolean
  /** Leaves the files that it extracts in its directory. */
  readonly leaveTemporaryFiles?: boolean
  readonly extendedDetectionInfo?: boolean
  readonly maxConnectionQueueLength?: number
  readonly maxQueue?: number
  readonly commandReadTimeout?: number
  readonly readTimeout?: number
  readonly logFile?: string
  /** Whether clean files have a line in the log, too. */
  readonly logClean?: boolean
  /** What it knows beside EICAR: the text of each file of its database, by the file's name. */
  readonly database?: Readonly<Record<string, string | Buffer>>
  /**
   * The LocalSocket, if another clamd was or will be there. The default is one in its directory.
   */
  readonly socket?: string
  /** Whether clamd also listens on 127.0.0.1: on a free port, or on this one. */
  readonly tcp?: boolean | number
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
  /** What it has written so far, a line each. */
  readonly log: readonly string[]
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
  const { program = installed } = options
  if (program === undefined) throw new Error(String(clamdMissing))
  const directory = mkdtempSync(join(options.parent ?? tmpdir(), 'onescan-clamd-'))
  const socket = options.socket ?? join(directory, 'clamd.sock')
  const configFile = join(directory, 'clamd.conf')
  const port = options.tcp === true ? await freePort() : options.tcp || 0

  chmodSync(directory, 0o755)
  if (options.user !== undefined) giveTo(options.user, directory)
  const database = options.signatures ?? join(directory, 'db')
  mkdirSync(database, { recursive: true })
  const files = { ...databaseOfEicar, ...options.database }
  for (const [name, text] of Object.entries(files)) {
    if (!existsSync(join(database, name))) writeFileSync(join(database, name), text)
  }
  writeFileSync(configFile, configuration(directory, socket, port, options))
  // Else its socket may be as old as its signatures, as far as the times of files show: onescand would not
  // take them for loaded.
  await new Promise((resolve) => setTimeout(resolve, FILE_TIMES))

  const command = [unconfined(program, directory), `--config-file=${configFile}`]
  // The last line that clamd writes before it serves: its sockets listen by then. TERM would wait for
  // the scans under way, or for SIGCONT.
  const server = await startServer(command, /^Self checking /, { signal: 'SIGKILL' })
  const stop = async () => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  t.teardown(stop)
  const pong = await askClamd(readClamdAddress(socket), 'PING', AbortSignal.timeout(10_000))
  if (pong.kind !== 'answered') throw new Error(`clamd does not answer PING: ${pong.reason}`)
  return {
    socket,
    tcp: port ? `127.0.0.1:${port}` : '',
    configFile,
    directory,
    pid: server.pid,
    log: server.log,
    stop,
  }
}

/** What a clamd itself answers about a message, within these milliseconds. */
export async function clamdAnswer(
  socket: string,
  message: Buffer,
  within = 60_000,
): Promise<ScanResult> {
  const server = new ClamdServer(readClamdAddress(socket), { isLasting: false })
  const task = { signal: AbortSignal.timeout(within), note() {} }
  const outcome = await server.scan([{ bytes: Bytes.of(message) }], task)
  if (outcome.kind !== 'answered') throw new Error(`clamd: ${outcome.reason}`)
  return outcome.reply
}

function configuration(
  directory: string,
  socket: string,
  port: number,
  { signatures = join(directory, 'db'), ...options }: ClamdOptions,
): string {
  const { program: _, socket: __, database, tcp, parent, ...others } = options
  const { alertExceedsMax = false, off = [], ...settings } = others
  const own = Object.entries({ alertExceedsMax, ...settings }).map(([name, value]) => {
    const word = typeof value === 'boolean' ? (value ? 'yes' : 'no') : value
    return word === '' ? '' : `${name.replace(/^./, (letter) => letter.toUpperCase())} ${word}`
  })
  const lines = [
    `LocalSocket ${socket}`,
    'LocalSocketMode 666',
    `DatabaseDirectory ${signatures}`,
    `TemporaryDirectory ${directory}`,
    'Foreground yes',
    ...own,
    ...off.map((name) => `${name} no`),
    ...(port ? [`TCPSocket ${port}`, 'TCPAddr 127.0.0.1'] : []),
  ]
  return `${lines.join('\n')}\n`
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
