import { randomBytes } from 'node:crypto'
import { type Stats, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import { errorCode, errorText, Fault, isFault } from '../fault.ts'
import { hostCommand } from './file-plugin/host-command.ts'
import { runHost } from './file-plugin/host-process.ts'
import { encodeRequest } from './plugin-host/request.ts'
import type { ScanPolicy } from './policy.ts'
import { type Scanner, type ScanTask, type Specimen, unknown, type Verdict } from './scanner.ts'
import { relayLines, writeToLog } from './stderr-lines.ts'

const EXTENSIONS = ['.js', '.mjs', '.cjs', '.ts', '.so']

/**
 * The scanner in a file of PLUGINDIR: JavaScript, TypeScript or C, by its
 * extension; onescan-plugin(7). It runs in a process of its own for each message,
 * because a plugin that calls exit(0), loops or corrupts memory must not decide
 * about mail. Everything but a proper answer, a plugin that cannot be loaded
 * among it, is "could not tell" and names the plugin.
 *
 * Throws a Fault of kind `config` for a name that cannot be a plugin's.
 */
export function filePluginScanner(policy: ScanPolicy, fileName: string): Scanner {
  checkName(fileName)
  return {
    name: fileName,
    local: false,
    async scan(specimen, task) {
      const verdict = await askPlugin(policy, fileName, specimen, task).catch((error) => {
        if (isFault(error)) throw error // our own spool, not the plugin
        return unknown(errorText(error))
      })
      if (verdict.answer !== 'unknown') return verdict
      return unknown(`plugin ${fileName}: ${verdict.why}`)
    },
  }
}

async function askPlugin(
  policy: ScanPolicy,
  fileName: string,
  specimen: Specimen,
  task: ScanTask,
): Promise<Verdict> {
  const { directory, symbol } = policy.filePlugins
  const file = join(directory, fileName)
  checkFile(file)
  const nonce = randomBytes(16).toString('hex')
  const { infectedCode, cleanCode } = policy
  const { size, envelope } = specimen
  const path = specimen.path()
  const { deadline } = task
  const relay = policy.stderrIsLog ? relayLines(`plugin ${fileName}`, writeToLog) : undefined
  const verdict = await runHost({
    ...hostCommand(file, policy.timeout),
    directory,
    environment: policy.environment,
    request: encodeRequest({
      nonce,
      file,
      symbol,
      infectedCode,
      cleanCode,
      path,
      size,
      deadline,
      envelope,
    }),
    nonce,
    signal: task.signal,
    onStderr: relay?.push,
  })
  relay?.end()
  return verdict
}

/** A stamp's `s=` lists scanners by name, so a name is made of harmless characters. */
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

/** Throws where the file cannot be a plugin. One that everybody may change could be made to say clean. */
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
