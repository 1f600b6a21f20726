import { extname } from 'node:path'
import { errorText, Fault } from '../ground/errors/fault.ts'
import { loadSystem } from '../ground/runtime/system.ts'
import { unknown } from './shared/finding.ts'
import { type BuiltInName, builtInNames, isBuiltIn, type ScanPolicy } from './shared/scan-policy.ts'
import type { Scanner } from './shared/scanner.ts'
import type { WriteLine } from './shared/stderr-lines.ts'

export interface ScannersOptions {
  /**
   * Whether scanners last from message to message, until they are closed, or each message has its own
   * connection to clamd and its own processes of file plugins (the default).
   */
  readonly lasting?: boolean
  /** Takes what scanners write to standard error; by default that goes to this program's own. */
  readonly log?: WriteLine
  /** Takes a line when a server fails, and when it answers again. */
  readonly tell?: (line: string) => void
}

/** Loads the plugins that come with onescan, each for the first message that needs it. */
const builtIn: Readonly<
  Record<BuiltInName, (policy: ScanPolicy, options: ScannersOptions) => Promise<Scanner>>
> = {
  clamd: async (policy, { lasting = false, tell }) => {
    const { clamdScanner } = await import('./clamd/scanner.ts')
    const passing = lasting ? loadSystem() : undefined
    return clamdScanner(policy, { lasting, passing, ...(tell && { tell }) })
  },
  clamscan: async (policy) => (await import('./clamscan.ts')).clamscanScanner(policy),
  attachments: async (policy) =>
    (await import('./attachments/attachments.ts')).attachmentsScanner(policy),
  eicar: async () => (await import('./eicar/eicar.ts')).eicarScanner(),
}

/**
 * Makes the scanners that QHPSI names, in its order. A scanner that cannot be loaded is in the list,
 * too, and answers *could not tell*: a misspelt plugin must defer mail, not let it through unscanned.
 */
export async function makeScanners(
  policy: ScanPolicy,
  options: ScannersOptions = {},
): Promise<Scanner[]> {
  const { line } = policy
  if (line.kind === 'command') {
    return [(await import('./command.ts')).commandScanner(policy, line.words, options.log)]
  }
  return Promise.all(line.names.map((name) => makePlugin(policy, name, options)))
}

async function makePlugin(
  policy: ScanPolicy,
  name: string,
  options: ScannersOptions,
): Promise<Scanner> {
  try {
    if (name.includes('/')) return unusable(name, 'a plugin name holds no /; set PLUGINDIR')
    if (extname(name) !== '') {
      const { filePluginScanner } = await import('./file-plugin/file-plugin.ts')
      const { oneMessageEach, standardLimits } = await import('./file-plugin/pool.ts')
      const limits = options.lasting ? standardLimits : oneMessageEach
      return filePluginScanner(policy, name, limits, options.log)
    }
    if (isBuiltIn(name)) return await builtIn[name](policy, options)
    return unusable(name, `no such plugin; built in are ${builtInNames.join(', ')}`)
  } catch (error) {
    return unusable(name, errorText(error))
  }
}

function unusable(name: string, why: string): Scanner {
  return {
    name,
    local: false,
    async prepare() {
      throw new Fault('config', `QHPSI: plugin ${name}: ${why}`)
    },
    scan: async () => unknown(`plugin ${name}: ${why}`, 'unreachable'),
  }
}
