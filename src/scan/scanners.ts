import { extname } from 'node:path'
import { errorText, Fault } from '../ground/errors/fault.ts'
import { loadPassedDescriptors } from '../ground/net/passed-descriptors.ts'
import type { HostStarter, PluginHosts } from './file-plugin/hosts.ts'
import { type BuiltInName, builtInNames, isBuiltIn } from './shared/built-in-names.ts'
import type { ScanPolicy } from './shared/scan-policy.ts'
import { type Scanner, unknown } from './shared/scanner.ts'
import type { WriteLine } from './shared/stderr-lines.ts'

/** Loads the plugins that come with onescan, each for the first message that needs it. */
const builtIn: Readonly<
  Record<
    BuiltInName,
    (policy: ScanPolicy, lasting: boolean, tell?: (line: string) => void) => Promise<Scanner>
  >
> = {
  clamd: async (policy, lasting, tell) => {
    const { clamdScanner } = await import('./clamd/scanner.ts')
    const passing = lasting ? await loadPassedDescriptors() : undefined
    return clamdScanner(policy, { lasting, passing, ...(tell && { tell }) })
  },
  clamscan: async (policy) => (await import('./clamscan.ts')).clamscanScanner(policy),
  attachments: async (policy) =>
    (await import('./attachments/attachments.ts')).attachmentsScanner(policy),
  eicar: async () => (await import('./eicar.ts')).eicarScanner(),
}

/**
 * Makes the scanners that QHPSI names, in its order. A scanner that cannot be loaded is in the list,
 * too, and answers *could not tell*: a misspelt plugin must defer mail, not let it through unscanned.
 *
 * With `openHosts` the scanners last from message to message, until they are closed. Without it each
 * message has its own connection to clamd and its own processes of file plugins. `log` takes what
 * scanners write to standard error; by default that goes to this program's own. `tell` takes a line
 * when a server fails, and when it answers again.
 */
export async function makeScanners(
  policy: ScanPolicy,
  openHosts?: (starter: HostStarter) => PluginHosts,
  log?: WriteLine,
  tell?: (line: string) => void,
): Promise<Scanner[]> {
  const { line } = policy
  if (line.kind === 'command') {
    return [(await import('./command.ts')).commandScanner(policy, line.words, log)]
  }
  return Promise.all(line.names.map((name) => makePlugin(policy, name, openHosts, log, tell)))
}

async function makePlugin(
  policy: ScanPolicy,
  name: string,
  openHosts?: (starter: HostStarter) => PluginHosts,
  log?: WriteLine,
  tell?: (line: string) => void,
): Promise<Scanner> {
  try {
    if (name.includes('/')) return unusable(name, 'a plugin name holds no /; set PLUGINDIR')
    if (extname(name) !== '') {
      return (await import('./file-plugin.ts')).filePluginScanner(policy, name, openHosts, log)
    }
    if (isBuiltIn(name)) return await builtIn[name](policy, openHosts !== undefined, tell)
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
