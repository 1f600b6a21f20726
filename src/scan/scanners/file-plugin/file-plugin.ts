import { type Stats, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { errorCode, errorText, Fault, isFault } from '../../../ground/errors/fault.ts'
import { recipientsOf } from '../../../mail/message/envelope/envelope.ts'
import { causeOf, type ScanFinding, unknown } from '../shared/finding.ts'
import type { ScanSettings } from '../shared/scan-settings.ts'
import type { ContentScanner, Sample, ScanTask } from '../shared/scanner.ts'
import { LineRelay, type WriteLine, writeToLog } from '../shared/scanner-program.ts'
import { hostCommand, PluginHost } from './host-process.ts'
import { oneMessageEach, PluginPool, type PoolLimits } from './pool.ts'

const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.so']

/**
 * The scanner in a file of PLUGINDIR: JavaScript, TypeScript or C, by its extension (onescan-plugin(7)).
 * It runs in a process of its own, because a plugin that calls exit(0), loops or corrupts memory must
 * not decide about mail. That process serves one message or many. Anything but a
 * proper answer is *could not tell*, with the plugin's name; also a plugin that cannot be loaded.
 *
 * Throws a Fault of kind `config` for a name that cannot be a plugin's.
 */
export function filePluginScanner(
  settings: ScanSettings,
  fileName: string,
  limits: PoolLimits = oneMessageEach,
  log: WriteLine = writeToLog,
): ContentScanner {
  checkName(fileName)
  const file = join(settings.PLUGINDIR, fileName)
  const { environment, PLUGINDIR: directory } = settings
  const pool = new PluginPool(() => {
    checkFile(file)
    const command = hostCommand(file, settings.timeout)
    const relay = () => new LineRelay(`plugin ${fileName}`, log)
    return new PluginHost({ command, directory, environment, settle: limits.settle, relay })
  }, limits)
  return {
    name: fileName,
    local: false,
    async prepare() {
      try {
        checkFile(file)
      } catch (error) {
        throw new Fault('config', `QHPSI: plugin ${fileName}: ${errorText(error)}`, error)
      }
    },
    async scan(sample, task) {
      const answer = await askPlugin(settings, file, pool, sample, task).catch((error) => {
        if (isFault(error)) throw error // our own spool, not the plugin
        return unknown(errorText(error), causeOf(error))
      })
      if (answer.answer !== 'unknown') return answer
      return unknown(`plugin ${fileName}: ${answer.why}`, answer.cause)
    },
    close: () => pool.close(),
  }
}

async function askPlugin(
  settings: ScanSettings,
  file: string,
  pool: PluginPool,
  sample: Sample,
  task: ScanTask,
): Promise<ScanFinding> {
  const { QHPSIRC, QHPSIRN, QUEUE_PLUGIN: symbol } = settings
  const { envelope, whole } = sample
  const sender = envelope.sender.text
  const recipients = Array.from(recipientsOf(envelope), ({ text }) => text)
  const {
    bytes: { size },
    origin,
  } = whole ?? sample
  const path = await (whole ?? sample).path()
  const part = whole && { path: await sample.path(), size: sample.bytes.size }
  const about = { path, size, part, sender, recipients, origin }
  return pool.ask({ file, symbol, infectedCode: QHPSIRC, cleanCode: QHPSIRN, ...about }, task)
}

/** Throws for a name with other characters than those of a stamp's `s=`, which lists scanners by name. */
function checkName(fileName: string): void {
  const wrong = (what: string) =>
    new Fault('config', `QHPSI plugin ${JSON.stringify(fileName)}: ${what}`)
  if (fileName.includes('/')) {
    throw wrong('a name must not hold "/"; put the file into PLUGINDIR')
  }
  if (!/^[A-Za-z0-9_][A-Za-z0-9._+-]*$/.test(fileName)) {
    throw wrong('a name is made of letters, digits and . _ + -; rename the file')
  }
  if (!EXTENSIONS.includes(extname(fileName))) {
    throw wrong(`must end in one of ${EXTENSIONS.join(' ')}; rename the file`)
  }
}

/** Throws if the file cannot be a plugin, or if everybody could change it, and make it say *clean*. */
function checkFile(file: string): void {
  let found: Stats
  try {
    found = statSync(file)
  } catch (error) {
    throw new Error(`${file}: ${errorCode(error)}; put the file there or correct PLUGINDIR`)
  }
  if (!found.isFile())
    throw new Error(`${file}: is not a regular file; put the plugin itself there`)
  if (found.mode & 0o002) {
    const mode = (found.mode & 0o7777).toString(8).padStart(4, '0')
    throw new Error(`${file}: mode ${mode} lets everyone change the plugin; chmod o-w it`)
  }
}
