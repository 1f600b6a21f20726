import { constants, existsSync } from 'node:fs'
import { access, realpath } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Fault, ifThere } from '../../base/errors/fault.ts'
import { readOwnFile } from '../../base/path/open.ts'
import type { Environment } from '../../base/process/environment.ts'
import { HOST_DIRECTORY, readControlDirectories } from '../../base/settings/control-directories.ts'
import { parseRules, RULES_MAX } from '../scan/rules/parse-rules.ts'
import { ruleFiles } from '../scan/rules/rule.ts'
import { replaceFile } from './replace-file.ts'

/** The rules of this host, after they were changed. */
interface ChangedRules {
  readonly path: string
  /** The number of the first of the lines, or 0 if it is not there. */
  readonly number: number
  readonly isChanged: boolean
}

/** The comment above a line that was made for a message in quarantine, before its id. */
const NOTE = '# For the quarantined message '

/**
 * Adds lines to onescan.policy, or removes them. Each line that is added for a message, of this id, has a comment above it. For
 * a message only lines with such a comment are removed, also those of another message: the same line of an administrator
 * stays. onescand reads the file again at a reload. Rejects with a Fault if the file cannot be replaced, or would not be
 * valid: that would stop all mail.
 */
export async function changeExceptions(
  env: Environment,
  lines: readonly string[],
  change: 'add' | 'remove',
  id?: string,
): Promise<ChangedRules> {
  const path = policyFile(env)
  const note = id === undefined ? [] : [NOTE + id]
  let changed = { number: 0, isChanged: false }
  await replaceFile({
    path,
    max: RULES_MAX,
    mode: 0o644,
    encoding: 'utf8',
    change(old) {
      const before = old.split('\n')
      const fresh = lines
        .filter((line) => !before.includes(line))
        .flatMap((line) => [...note, line])
      const next =
        change === 'remove'
          ? withoutLines(before, lines, id !== undefined).join('\n')
          : `${old}${fresh.map((line) => `${line}\n`).join('')}`
      changed = { number: next.split('\n').indexOf(lines[0]!) + 1, isChanged: next !== old }
      parseRules(next, path)
      return next
    },
  })
  return { path, ...changed }
}

/** Returns what is left without these lines and the comments above them, or without those that were made for messages. */
function withoutLines(
  before: readonly string[],
  lines: readonly string[],
  keepsOthers: boolean,
): readonly string[] {
  const isGone = (at: number) =>
    lines.includes(before[at] ?? '') && (!keepsOthers || isForMessage(before, at))
  return before.filter((line, at) => !isGone(at) && !(line.startsWith(NOTE) && isGone(at + 1)))
}

const isForMessage = (lines: readonly string[], at: number) =>
  lines[at - 1]?.startsWith(NOTE) ?? false

/** Resolves to the lines that were made for messages. Rejects as mayChangeExceptions() does, and if the file cannot be read. */
export async function exceptionsForMessages(env: Environment): Promise<ReadonlySet<string>> {
  await mayChangeExceptions(env)
  const text = ifThere(() => readOwnFile(policyFile(env), RULES_MAX))?.toString('utf8') ?? ''
  const lines = text.split('\n')
  return new Set(lines.filter((_, at) => isForMessage(lines, at)))
}

/** Rejects if changeExceptions() cannot replace the file: its directory must be writable. */
export async function mayChangeExceptions(env: Environment): Promise<void> {
  const path = policyFile(env)
  await access(dirname(await realpath(path).catch(() => path)), constants.W_OK)
}

function policyFile(env: Environment): string {
  const files = ruleFiles(readControlDirectories(env).control, HOST_DIRECTORY)
  return files.find((file) => existsSync(file)) ?? files.at(-1)!
}

/** Returns the line that allows what these conditions match. Throws a Fault if a value would be more than one. */
export function exceptionFor(conditions: Readonly<Record<string, string | undefined>>): string {
  const words = Object.entries(conditions).flatMap(([name, value]) => {
    if (value === undefined) return []
    const mayHaveBlanks = name === 'signature' // as names of attachments have
    if (/[,"'\0-\x1f]/.test(value) || (!mayHaveBlanks && /[\s#\\]/.test(value))) {
      const remedy = mayHaveBlanks ? 'write * for it' : 'edit the policy file instead'
      const found = mayHaveBlanks
        ? 'a control character, a comma or a quote'
        : `white space or one of , " ' # \\`
      throw new Fault('config', `${name} ${value}: contains ${found}; ${remedy}`)
    }
    return [`${name}=${value.includes(' ') ? `"${value}"` : value}`]
  })
  return `${words.join(',')} allow`
}
