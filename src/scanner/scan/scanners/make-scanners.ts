import { extname } from 'node:path'
import { errorText, Fault } from '../../../base/errors/fault.ts'
import { loadSystem } from '../../../base/runtime/system.ts'
import { type BuiltInName, builtInNames, isBuiltIn } from '../../../base/settings/table/scanners.ts'
import type { Canaries } from './clamd/canary.ts'
import type { ScanSettings } from './contract/scan-settings.ts'
import type { Scanner } from './contract/scanner.ts'

interface ScannersOptions {
  /**
   * Whether scanners are kept from message to message, until they are closed. By default each message has its
   * own connection to clamd and its own processes of file plugins.
   */
  readonly isLasting?: boolean
  /** Receives the standard error of scanners. By default that goes to this program's own. */
  readonly relay?: (line: string) => void
  /** Takes a line when a server fails, and when it answers again. */
  readonly log?: (line: string) => void
  /** Set if CLAMD is not that of the host, but of a line of onescan.policy. */
  readonly hasOtherClamd?: boolean
  /** The servers that find the test virus. */
  readonly canaries?: Canaries
}

/** Loads the plugins that are part of onescan, each for the first message that needs it. */
const builtIn: Readonly<
  Record<BuiltInName, (settings: ScanSettings, options: ScannersOptions) => Promise<Scanner>>
> = {
  clamd: async (settings, options) => {
    const { isLasting = false, log, canaries, hasOtherClamd: areOthers } = options
    const { ClamdScanner } = await import('./clamd/clamd-scanner.ts')
    const passing = isLasting ? loadSystem() : undefined
    return new ClamdScanner(settings, {
      isLasting,
      passing,
      canaries,
      areOthers,
      ...(log && { log }),
    })
  },
  clamscan: async (settings, { relay }) =>
    (await import('./programs/clamscan.ts')).clamscanScanner(settings, { relay }),
  attachments: async (settings) =>
    (await import('./attachments/attachments.ts')).attachmentsScanner(settings),
  eicar: async () => (await import('./eicar/eicar.ts')).eicarScanner(),
}

/**
 * Resolves to the scanners that QHPSI names, in its order. One that cannot be used by these settings is included,
 * and rejects with a Fault of kind `config`: a misspelt plugin must defer mail, whatever SCANFAIL is.
 */
export async function makeScanners(
  settings: ScanSettings,
  options: ScannersOptions = {},
): Promise<Scanner[]> {
  const { QHPSI } = settings
  if (QHPSI.kind === 'command') {
    return [
      (await import('./programs/command.ts')).commandScanner(settings, QHPSI.argv, options.relay),
    ]
  }
  return Promise.all(QHPSI.names.map((name) => makePlugin(settings, name, options)))
}

async function makePlugin(
  settings: ScanSettings,
  name: string,
  options: ScannersOptions,
): Promise<Scanner> {
  try {
    if (name.includes('/')) return unusable(name, 'a plugin name cannot contain /; set PLUGINDIR')
    if (extname(name) !== '') {
      const { filePluginScanner } = await import('./file-plugin/file-plugin.ts')
      return filePluginScanner(settings, name, options)
    }
    if (isBuiltIn(name)) return await builtIn[name](settings, options)
    return unusable(name, `no such plugin; set QHPSI to some of ${builtInNames.join(', ')}`)
  } catch (error) {
    return unusable(name, errorText(error))
  }
}

function unusable(name: string, reason: string): Scanner {
  const fail = async (): Promise<never> => {
    throw new Fault('config', `QHPSI: plugin ${name}: ${reason}`)
  }
  return { name, hasBans: false, prepare: fail, scan: fail }
}
