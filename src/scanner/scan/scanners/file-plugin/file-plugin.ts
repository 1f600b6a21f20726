import type { Stats } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { errorCode, errorText, Fault } from '../../../../base/errors/fault.ts'
import { codeInWords } from '../../../../base/errors/system-error.ts'
import { Bulkhead } from '../../../../base/flow/bulkhead.ts'
import { userName } from '../../../../base/process/passwd.ts'
import { formatMode } from '../../../../base/text/units.ts'
import type { ScanSettings } from '../contract/scan-settings.ts'
import type { ContentScanner, Sample, ScannerCall } from '../contract/scanner.ts'
import { causeOf, type ScanResult, unknown } from '../findings/scan-result.ts'
import { ScanPermits } from '../permits/scan-permits.ts'
import { LineRelay, writeToLog } from '../programs/scanner-program.ts'
import { hostCommand, PluginHost, type PluginScan } from './host-process.ts'

interface FilePluginOptions {
  /** Whether a process scans one message after another; by default it scans only one. */
  readonly isLasting?: boolean
  /** Receives the plugin's standard error. By default that goes to this program's own. */
  readonly relay?: (line: string) => void
}

const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.so']

/**
 * The scanner in a file of PLUGINDIR: JavaScript, TypeScript or C, by its extension (onescan-plugin(7)). It
 * runs in its own process, because a plugin that calls exit(0), loops or corrupts memory must not decide
 * about mail. That process serves one message or many. Anything but a valid answer is *unknown*, with the
 * plugin's name; also a plugin that cannot be loaded.
 *
 * Throws a Fault of kind `config` for a name that cannot be a plugin's.
 */
export function filePluginScanner(
  settings: ScanSettings,
  fileName: string,
  { isLasting = false, relay: write = writeToLog }: FilePluginOptions = {},
  limits: PoolLimits = standardLimits,
): ContentScanner {
  checkName(fileName)
  const file = join(settings.PLUGINDIR, fileName)
  const { environment, PLUGINDIR: directory, QUEUE_PLUGIN, QHPSIRC, QHPSIRN } = settings
  const plugin = { file, symbol: QUEUE_PLUGIN, infectedCode: QHPSIRC, cleanCode: QHPSIRN }
  const bulkhead = new Bulkhead(`PLUGINDIR ${directory}`)
  const check = () => bulkhead.use(() => checkFile(file))
  const pool = new PluginPool(
    async () => {
      await check()
      const command = hostCommand(file, settings.timeout)
      const relay = () => new LineRelay(`plugin ${fileName}`, write)
      return new PluginHost({ command, environment, settle: limits.settle, relay })
    },
    isLasting ? limits : { ...limits, messages: 1 },
  )
  return {
    name: fileName,
    hasBans: false,
    permits: ScanPermits.here(permitsOf(limits)),
    takesNames: true,
    async prepare() {
      try {
        await check()
      } catch (error) {
        throw new Fault('config', `QHPSI: plugin ${fileName}: ${errorText(error)}`, error)
      }
    },
    async scan(sample, task) {
      const question = { ...plugin, ...(await requestFor(sample)) } // rejects if our own spool fails
      const result = await pool
        .scan(question, task)
        .catch((error) => unknown(errorText(error), causeOf(error)))
      if (result.answer !== 'unknown') return result
      return unknown(`plugin ${fileName}: ${result.reason}`, result.cause)
    },
    close: () => pool.close(),
  }
}

/** A quarter of the processes is for large messages, which so leave the others to small ones. */
function permitsOf({ most }: PoolLimits) {
  const large = Math.max(1, Math.floor(most / 4))
  return { small: Math.max(1, most - large), large }
}

/** Returns the request to a plugin about a message, or about a content of one. */
async function requestFor(sample: Sample) {
  const { envelope } = sample
  const content = sample.kind === 'content' ? sample : undefined
  const message = content?.message ?? sample
  const partList = sample.kind === 'raw' ? undefined : sample.partList
  return {
    path: (await message.file()).path,
    size: message.bytes.size,
    part: content && {
      path: (await content.file()).path,
      size: content.bytes.size,
      ...partList?.parts[0],
    },
    ...(!content && partList && { parts: partList.parts }),
    ...(partList?.isCut && { hasMoreNames: true as const }),
    sender: envelope.sender.text,
    recipients: Array.from(envelope.recipients, ({ text }) => text),
    origin: message.origin,
  }
}

/** Throws for a name with other characters than those of a stamp's `s=`, which lists scanners by name. */
function checkName(fileName: string): void {
  const wrong = (reason: string) =>
    new Fault('config', `QHPSI plugin ${JSON.stringify(fileName)}: ${reason}`)
  if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(fileName)) {
    throw wrong('a name may contain only letters, digits and . _ + -; rename the file')
  }
  if (!EXTENSIONS.includes(extname(fileName))) {
    throw wrong(`must end in one of ${EXTENSIONS.join(' ')}; rename the file`)
  }
}

/** Throws if the file cannot be a plugin, or if every user could change it, and so make it answer *clean*. */
async function checkFile(file: string): Promise<void> {
  let found: Stats
  try {
    found = await stat(file)
  } catch (error) {
    const code = errorCode(error)
    const user = userName(process.geteuid!()) ?? 'this user'
    const remedy = code === 'EACCES' ? `let ${user} read it` : 'put the file there'
    throw new Error(`${file}: ${codeInWords(code)}; ${remedy} or correct PLUGINDIR`)
  }
  if (!found.isFile())
    throw new Error(`${file}: is not a regular file; put the plugin itself there`)
  if (found.mode & 0o002) {
    const mode = formatMode(found.mode)
    throw new Error(`${file}: mode ${mode} lets everyone change the plugin; run chmod o-w on it`)
  }
}

interface PoolLimits {
  /** Maximum number of processes, documented in onescan-plugin(7) and onescand(8). */
  readonly most: number
  /** Messages after which a process is renewed, because plugins may leak. */
  readonly messages: number
  /** Milliseconds without a message after which a process ends. */
  readonly idle: number
  /** Milliseconds after its answer within which a plugin must have finished everything. */
  readonly settle: number
}

export const standardLimits: PoolLimits = { most: 8, messages: 1000, idle: 60_000, settle: 250 }

/**
 * The processes of a plugin, each of which handles one message at a time. The scanner's permits limit their number:
 * no process is started while one is idle. A process that gave no answer is ended. If it has judged other messages,
 * these may be the cause: so the message is submitted again, to a new process and within its deadline.
 */
class PluginPool {
  readonly #start: () => Promise<PluginHost>
  readonly #limits: PoolLimits
  /** The process used last is last here and is used first, so that the others can end. */
  readonly #idle = new Map<PluginHost, NodeJS.Timeout>()
  #isClosed = false

  /** `start` starts a process, and rejects if it cannot. */
  constructor(start: () => Promise<PluginHost>, limits: PoolLimits) {
    this.#start = start
    this.#limits = limits
  }

  /**
   * Resolves to the answer about one message. Rejects if no process can be started. The error contains the
   * reason. A process that had its last message has ended when this resolves.
   */
  async scan(question: PluginScan, task: ScannerCall): Promise<ScanResult> {
    const idle = this.#takeIdle()
    const answer = await this.#scanIn(idle ?? (await this.#start()), question, task)
    if (idle === undefined || hasAnswered(answer) || task.signal.aborted) return answer
    return this.#scanIn(await this.#start(), question, task)
  }

  /** Ends all processes; busy ones finish their message first. */
  close(): void {
    this.#isClosed = true
    for (const host of this.#idle.keys()) this.#drop(host)
  }

  async #scanIn(host: PluginHost, question: PluginScan, task: ScannerCall): Promise<ScanResult> {
    const answer = await host.scan(question, task)
    const isReusable =
      hasAnswered(answer) && host.scanned < this.#limits.messages && !this.#isClosed
    if (isReusable) this.#putBack(host)
    else await host.end('SIGKILL')
    return answer
  }

  #putBack(host: PluginHost): void {
    const timer = setTimeout(() => this.#drop(host), this.#limits.idle)
    timer.unref()
    this.#idle.set(host, timer)
    void host.ended.then(() => this.#forget(host))
  }

  #takeIdle(): PluginHost | undefined {
    const host = [...this.#idle.keys()].at(-1)
    if (host) this.#forget(host)
    return host
  }

  #drop(host: PluginHost): void {
    this.#forget(host)
    void host.end('SIGKILL')
  }

  #forget(host: PluginHost): void {
    clearTimeout(this.#idle.get(host))
    this.#idle.delete(host)
  }
}

/**
 * Returns whether the plugin itself gave the answer, even *unknown*. Its process is then working, and would
 * give the same answer again.
 */
function hasAnswered(result: ScanResult): boolean {
  return result.answer !== 'unknown' || result.cause === 'plugin'
}
