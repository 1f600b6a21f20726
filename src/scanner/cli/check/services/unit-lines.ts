import { attempt } from '../../../../base/errors/fault.ts'
import { readOwnFile } from '../../../../base/path/open.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { askSystemd } from '../../host/systemd-unit.ts'

/** A line in a file of a unit that sets an option: systemd.syntax(7). */
export interface UnitLine {
  readonly file: string
  readonly option: string
  readonly value: string
  /** `line 3 of FILE (SocketMode=0600)` */
  readonly text: string
}

/** Returns the lines of a file of a unit that set options, none if it cannot be read. */
export function unitLines(file: string): UnitLine[] {
  const lines = String(attempt(() => readOwnFile(file)) ?? '').split('\n')
  return lines.flatMap((line, at) => {
    const [, option, value = ''] = /^\s*(\w+)\s*=(.*)/.exec(line) ?? []
    const text = `line ${at + 1} of ${shellWord(file)} (${line.trim()})`
    return option === undefined ? [] : [{ file, option, value: value.trim(), text }]
  })
}

/** Returns the last line in the administrator's files of a unit that sets one of these options. */
export function lineThatSets(unit: string, ...options: readonly string[]): UnitLine | undefined {
  const { files = [] } = askSystemd(unit) ?? {}
  return files.flatMap(unitLines).findLast(({ option }) => options.includes(option))
}

/** Returns the command that makes a unit of the package be as shipped, apart from these options; `restart` then starts it. */
export function withoutOptions({ file }: UnitLine, restart: string, ...options: readonly string[]) {
  const again = `systemctl daemon-reload && ${restart}`
  // A whole unit (systemctl edit --full) needs its lines.
  return file.includes('.d/')
    ? `sed -i -E '/^\\s*(${options.join('|')})\\s*=/d' ${shellWord(file)} && ${again}`
    : `correct this line, then run ${again}`
}
