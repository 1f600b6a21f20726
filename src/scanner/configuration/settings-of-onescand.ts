import { join } from 'node:path'
import { attempt } from '../../base/errors/fault.ts'
import { readOwnFile } from '../../base/path/open.ts'
import type { Environment } from '../../base/process/environment.ts'
import { DAEMON_QHPSI } from '../../base/settings/table/scanners.ts'

/** The administrator's settings of onescand. */
export const DEFAULTS = '/etc/default/onescand'

/** The files of the package and of npm with the defaults of that file. */
const SHIPPED = [
  '/usr/share/onescan/defaults',
  join(import.meta.dirname, '../packaging/shipped/defaults'),
]

/**
 * Returns the settings in files for onescand, for commands that need its scanners, its log, a socket or a keyring. QHPSI
 * has its default. The running onescand reports its settings itself. A file that cannot be read contributes none.
 */
export function settingsOfOnescand(): Environment {
  const files = [...SHIPPED.map((place) => join(place, 'onescand')).toReversed(), DEFAULTS]
  const lines = files.flatMap((file) => {
    const text = attempt(() => readOwnFile(file).toString('utf8')) ?? ''
    return [
      ...text.matchAll(/^[ \t]*(?:export[ \t]+)?(\w+)=(?:"([^"\n]*)"|'([^'\n]*)'|([^#\n]*))/gm),
    ]
  })
  const settings: Environment = Object.fromEntries(
    lines.map(([, name, doubly, singly, plain]) => [
      name,
      (doubly ?? singly ?? plain ?? '').trim(),
    ]),
  )
  return { ...settings, QHPSI: settings.QHPSI || DAEMON_QHPSI }
}
