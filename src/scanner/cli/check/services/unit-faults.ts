import { pathExists } from '../../../../base/path/path-handle.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { complaintOf, propertiesOf } from '../../host/systemd-unit.ts'
import { lineThatSets } from './unit-lines.ts'

/** Why systemd cannot start a service, as its unit shows: systemd logs that only once, or not at all. */
export interface UnitFault {
  readonly reason: string
  readonly remedy: string
}

/** Returns why systemd cannot use a unit in this state, if it cannot; `restart` then starts it. One that is masked has nothing to read. */
export function unusable(unit: string, load: string, restart: string): UnitFault | undefined {
  if (load === 'loaded' || load === 'masked') return undefined
  const complaint = complaintOf(unit)
  const again = `systemctl daemon-reload && ${restart}`
  const [, option = ''] = /\b([A-Z]\w+)=/.exec(complaint ?? '') ?? []
  const line = option === '' ? undefined : lineThatSets(unit, option)
  const reason = complaint === undefined ? '' : `: "${complaint}"`
  if (line === undefined) {
    const verify = `run systemd-analyze verify ${unit}, and fix the error that it reports`
    return { reason, remedy: `${verify}, then run ${again}` }
  }
  // An empty value takes back the lines before it: systemd.service(5).
  const isRepeated = /more than one /.test(complaint!) && line.file.includes('.d/')
  return {
    reason,
    remedy: isRepeated
      ? `sed -i '0,/^${option}=/s//${option}=\\n&/' ${shellWord(line.file)} && ${again}`
      : `correct ${line.text}, then run ${again}`,
  }
}

const BOUND = ['BindPaths', 'BindReadOnlyPaths'] as const

/** Returns the paths that a unit must see, and that do not exist. */
export function missingPaths(unit: string, restart: string): UnitFault[] {
  return [...propertiesOf(unit, BOUND)].flatMap(([name, value]) =>
    missingIn(value, pathExists).map((path) => {
      const line = lineThatSets(unit, name)
      const place = line === undefined ? name : line.text
      return {
        reason: `${shellWord(path)} does not exist, and ${place} binds it`,
        remedy: `create or mount ${shellWord(path)}, or remove it from ${place}; then run systemctl daemon-reload && ${restart}`,
      }
    }),
  )
}

/** Returns the paths in a value of BindPaths= that do not exist, `FROM:TO:OPTIONS`; those after a "-" need not: systemd.exec(5). */
export const missingIn = (value: string, exists: (path: string) => boolean): string[] =>
  value.split(' ').flatMap((word) => {
    const [path = ''] = word.split(':')
    return path.startsWith('/') && !exists(path) ? [path] : []
  })
