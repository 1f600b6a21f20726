import { execFile } from 'node:child_process'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { error, type Finding, ok, warning } from '../shared/finding.ts'
import type { Host } from '../shared/host.ts'

/** Milliseconds for the start of a runtime, and of each plugin. */
const PATIENCE = 60_000

/** What `onescand --check` says about the daemon's settings: it runs the code of a real start. */
export async function checkStart({ env, daemon }: Host): Promise<Finding[]> {
  if (daemon === undefined) return []
  const { words, held, file } = daemon
  const command = siblingCommand('onescand', '--check', ...words)
  const said = await startFindings(command, env, { service: 'onescand', file })
  return said.filter(({ value }) => !isHeld(value, held))
}

/** What these findings are about. */
export const START = 'onescand settings'

/**
 * What a service says with --check. `file` is where its settings stand. Rejects if it says nothing.
 */
export async function startFindings(
  command: readonly [string, ...string[]],
  env: Host['env'],
  of: { readonly service: string; readonly file: string },
): Promise<Finding[]> {
  const lines = (await output(command, env)).split('\n')
  return lines.flatMap((line) => {
    const [, level, text] = /^(ok|warning|error): (.*)$/.exec(line) ?? []
    return text === undefined ? [] : [findingOf(level!, text, of)]
  })
}

function findingOf(
  level: string,
  text: string,
  { service, file }: { readonly service: string; readonly file: string },
): Finding {
  const what = `${service} settings`
  if (level === 'ok') return ok(what, text)
  const at = text.lastIndexOf('; ')
  const [value, remedy] =
    at < 0 ? [text, `correct it in ${file}`] : [text.slice(0, at), text.slice(at + 2)]
  if (level === 'warning') return warning(what, value, `${remedy} (${file})`)
  return error(what, `${value}: ${service} does not start with it`, `${remedy} (${file})`)
}

/** Whether the finding is about a place at which the running onescand itself listens. */
function isHeld(text: string, held: readonly string[]): boolean {
  const [, place] = /^--(?:socket|milter|policy|smtp|lmtp|http) (\S+):/.exec(text) ?? []
  return place !== undefined && held.includes(place)
}

/** What the command writes to standard output. Rejects with its errors if that is nothing. */
function output(
  [program, ...words]: readonly [string, ...string[]],
  env: Host['env'],
): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(program, words, { env, timeout: PATIENCE }, (failed, stdout, stderr) => {
      if (stdout !== '' || failed === null) resolve(stdout)
      else reject(new Error(`--check: ${stderr.trim().slice(-300) || failed.message}`))
    })
  })
}
