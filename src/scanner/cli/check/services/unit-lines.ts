import { attempt } from '../../../../base/errors/fault.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { askSystemd } from '../../host/systemd-unit.ts'

/** A line in a file of the administrator that sets an option of a unit: systemd.syntax(7). */
interface UnitLine {
  readonly file: string
  /** `line 3 of FILE (SocketMode=0600)` */
  readonly text: string
}

/** Returns the last line in the administrator's files of a unit that sets one of these options. */
export function lineThatSets(unit: string, ...options: readonly string[]): UnitLine | undefined {
  const { files = [] } = askSystemd(unit) ?? {}
  const isWanted = (line: string) => options.includes(line.replace(/\s*=.*/, ''))
  for (const file of files.toReversed()) {
    const lines = String(attempt(() => readOwnFile(file)) ?? '').split('\n')
    const at = lines.findLastIndex(isWanted)
    if (at >= 0) return { file, text: `line ${at + 1} of ${shellWord(file)} (${lines[at]})` }
  }
  return undefined
}

/** Returns the command that makes a unit of the package be as shipped, apart from these options; `restart` then starts it. */
export function withoutOptions({ file }: UnitLine, restart: string, ...options: readonly string[]) {
  const again = `systemctl daemon-reload && ${restart}`
  // A whole unit (systemctl edit --full) needs its lines.
  return file.includes('.d/')
    ? `sed -i -E '/^(${options.join('|')}) *=/d' ${shellWord(file)} && ${again}`
    : `correct this line, then run ${again}`
}
