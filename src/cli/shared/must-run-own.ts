import { basename, delimiter, join, resolve } from 'node:path'
import { errorText, Fault } from '../../ground/errors/fault.ts'
import { mustBeOwnAt, readStart } from '../../ground/path/read.ts'
import { runsAsRoot } from '../../ground/path/stranger.ts'
import { leadsSomewhere } from '../../ground/path/walk.ts'
import { isExecutable } from '../../ground/process/find-program.ts'
import type { ScanPolicy } from '../../scan/shared/scan-policy.ts'

/** The bytes of a script in which the kernel looks for its interpreter: BINPRM_BUF_SIZE of Linux. */
const LINE_MAX = 256

/**
 * Checks, for root, that nobody else could have written the scanner command or the plugins of QHPSI.
 * Throws a Fault of kind `config` if somebody could.
 */
export function mustRunOwnScanners(policy: ScanPolicy): void {
  const { line, filePlugins, clamscan, environment } = policy
  if (line.kind === 'command') {
    mustRunOwn(line.words, environment.PATH) // PATH is where it is looked for
    return
  }
  for (const name of line.names) {
    if (name.includes('.')) mustRunOwn([join(filePlugins.directory, name)], undefined)
    if (name === 'clamscan') mustRunOwn([clamscan.program], undefined)
  }
}

/**
 * Checks the same for a command: its program, each directory in which the program is looked for, the
 * interpreter of a script (and all of PATH if that is env(1)), and every file among its arguments.
 */
export function mustRunOwn(words: readonly string[], path = ''): void {
  if (!runsAsRoot()) return
  const [program = '', ...others] = words
  try {
    for (const file of filesOf(program, path)) mustBeOwnAt(file)
    for (const word of others) if (word.startsWith('/') && leadsSomewhere(word)) mustBeOwnAt(word)
  } catch (error) {
    throw new Fault('config', `root does not run ${program}: ${errorText(error)}`, error)
  }
}

function filesOf(program: string, path: string): string[] {
  const searched: string[] = []
  if (!program.includes('/')) {
    for (const directory of path.split(delimiter)) {
      const place = resolve(directory || '.')
      if (leadsSomewhere(place)) searched.push(place)
      const file = join(place, program)
      if (leadsSomewhere(file) && isExecutable(file))
        return [...searched, file, ...interpreterOf(file, path)]
    }
    return searched // starting it will report that it is missing
  }
  const file = resolve(program)
  return leadsSomewhere(file) ? [file, ...interpreterOf(file, path)] : []
}

function interpreterOf(file: string, path: string): string[] {
  const start = readStart(file, LINE_MAX).toString('latin1')
  const [, interpreter] = /^#![ \t]*(\/[^ \t\n]+)/.exec(start) ?? []
  if (interpreter === undefined) return []
  if (basename(interpreter) !== 'env') return [interpreter]
  return [
    interpreter,
    ...path.split(delimiter).filter((directory) => directory !== '' && leadsSomewhere(directory)),
  ]
}
