import { execFile } from 'node:child_process'
import { siblingCommand } from '../../../ground/runtime/compiled-program.ts'
import { error, type Finding, marked, ok, warning } from '../shared/finding.ts'
import type { Host } from '../shared/host.ts'

/** Milliseconds for the start of a runtime, and of each plugin. */
const PATIENCE = 60_000

/**
 * Returns what `onescand --check` says about onescand's settings: it runs the code of a real start.
 * An error keeps onescand from starting. The addresses at which the running onescand listens are not
 * tried.
 */
export async function checkOnescandStart({ env, daemon }: Host): Promise<Finding[]> {
  if (daemon === undefined) return []
  const { words, held, file } = daemon
  const heldOptions = held.flatMap((address) => ['--held', address])
  const command = siblingCommand('onescand', '--check', ...heldOptions, ...words)
  const findings = await startFindings(command, env, { service: 'onescand', file })
  return findings.map((finding) =>
    finding.level === 'error' ? marked(finding, 'stops onescand') : finding,
  )
}

/** A service that tells with --check whether it would start. */
export interface StartedService {
  readonly service: string
  /** The file with its settings. */
  readonly file: string
}

/** Returns what a service says with --check. Rejects if it says nothing. */
export async function startFindings(
  command: readonly [string, ...string[]],
  env: Host['env'],
  service: StartedService,
): Promise<Finding[]> {
  const lines = (await standardOutput(command, env)).split('\n')
  return lines.flatMap((line) => {
    const [, level, text] = /^(ok|warning|error): (.*)$/.exec(line) ?? []
    return text === undefined ? [] : [findingOf(level!, text, service)]
  })
}

function findingOf(level: string, text: string, { service, file }: StartedService): Finding {
  const what = `${service} settings`
  if (level === 'ok') return ok(what, text)
  const at = text.lastIndexOf('; ')
  const [value, remedy] =
    at < 0 ? [text, `correct it in ${file}`] : [text.slice(0, at), text.slice(at + 2)]
  if (level === 'warning') return warning(what, value, `${remedy} (${file})`)
  return error(what, `${value}: ${service} does not start with it`, `${remedy} (${file})`)
}

/** What the command writes to standard output. Rejects with its errors if that is nothing. */
function standardOutput(
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
