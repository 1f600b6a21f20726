import { type CheckLine, warning } from '../../../../base/check/check-line.ts'
import { runProgram } from '../../../../base/process/run-program.ts'
import { shellWord } from '../../../../base/text/shell-word.ts'
import { formatCount } from '../../../../base/text/units.ts'

const PACKAGES = ['onescan', 'onescan-runtime', 'onescan-quotad', 'smtp-delay'] as const

/** The commands that print the files of a package that are not as it installed them, and that install it again. */
const MANAGERS = [
  [['/usr/bin/dpkg', '--verify'], 'apt-get install --reinstall', 'dpkg -i'],
  [['/usr/bin/rpm', '--verify'], 'dnf reinstall', 'rpm -U --replacepkgs'],
] as const

/** Milliseconds for an answer, and upper limit for the paths shown of a package. */
const WITHIN = 10_000
const SHOWN = 3

/** Resolves to warnings about packages of which files are missing or changed, to be shown after errors. */
export async function checkPackageFiles(
  packages: readonly string[] = PACKAGES,
  managers: typeof MANAGERS | readonly (readonly [readonly string[], string, string])[] = MANAGERS,
): Promise<CheckLine[]> {
  const found: CheckLine[] = []
  for (const [command, install, fromFile] of managers) {
    for (const name of packages) {
      const run = { command: [...command, name], env: { LC_ALL: 'C' }, within: WITHIN }
      const { output } = await runProgram(run).catch(() => ({ output: '' }))
      const files = String(output).split('\n').flatMap(faultIn)
      if (files.length === 0) continue
      const more = files.length - SHOWN
      const value =
        files.slice(0, SHOWN).join(', ') +
        (more > 0 ? `, and ${formatCount(more, 'more file')}` : '')
      const remedy = `${install} ${name}, or, if no repository has this version, ${fromFile} with its file`
      found.push(warning(`package ${name}`, value, remedy))
    }
  }
  return found
}

/**
 * Returns what is wrong with the file of a line of dpkg(1) or rpm(8), `??5?????? c /etc/default/onescand`: that it is missing or has
 * another digest (5). Documentation is left out, and settings (c), which administrators change.
 */
function faultIn(line: string): string[] {
  const [state = '', ...words] = line.split(' ').filter(Boolean)
  const path = words.at(-1) ?? ''
  if (words[0] === 'c' || !path.startsWith('/') || /^\/usr\/share\/(?:doc|man)\//.test(path))
    return []
  if (state === 'missing') return [`${shellWord(path)} is missing`]
  return state[2] === '5' ? [`${shellWord(path)} was changed`] : []
}
