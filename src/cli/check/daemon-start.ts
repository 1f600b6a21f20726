import { execFile } from 'node:child_process'
import { siblingCommand } from '../../runtime/compiled-program.ts'
import type { Host } from './host.ts'
import { error, type Finding, ok, warning } from './shared/finding.ts'

/** Milliseconds: a runtime's start, and that of each plugin. */
const PATIENCE = 60_000

/** What `onescand --check` says of the daemon's settings: the code of its start itself. */
export async function checkStart({ env, daemon }: Host): Promise<Finding[]> {
  if (daemon === undefined) return []
  const { words, held } = daemon
  const lines = (await output(siblingCommand('onescand', '--check', ...words), env)).split('\n')
  return lines.flatMap((line) => {
    const [, level, text] = /^(ok|warning|error): (.*)$/.exec(line) ?? []
    if (text === undefined || isHeld(text, held)) return []
    return [findingOf(level!, text, daemon.file)]
  })
}

/** What findings about its start are about. */
export const START = 'onescand settings'

function findingOf(level: string, text: string, file: string): Finding {
  if (level === 'ok') return ok(START, text)
  const at = text.lastIndexOf('; ')
  const [value, remedy] =
    at < 0 ? [text, `correct it in ${file}`] : [text.slice(0, at), text.slice(at + 2)]
  if (level === 'warning') return warning(START, value, `${remedy} (${file})`)
  return error(START, `${value}: onescand does not start with it`, `${remedy} (${file})`)
}

/** A place that the onescand that runs has. */
function isHeld(text: string, held: readonly string[]): boolean {
  const [, place] = /^--(?:socket|milter|policy|smtp|lmtp|http) (\S+):/.exec(text) ?? []
  return place !== undefined && held.includes(place)
}

/** What the command writes to its standard output. Rejects with what it says if it has nothing to tell. */
function output(
  [program, ...words]: readonly [string, ...string[]],
  env: Host['env'],
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { env, timeout: PATIENCE }, (failed, stdout, stderr) => {
      if (stdout !== '' || failed === null) resolve(stdout)
      else reject(new Error(`onescand --check: ${stderr.trim().slice(-300) || failed.message}`))
    })
  })
}
