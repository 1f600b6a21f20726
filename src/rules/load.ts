import { errorCode, errorText, Fault } from '../ground/errors/fault.ts'
import { isThere } from '../ground/path/exists.ts'
import { readOwnFile } from '../ground/path/read.ts'
import type { MailParties } from './candidates.ts'
import { Rules } from './match.ts'
import { parseRules } from './parse.ts'
import { ruleFiles } from './rule-files.ts'

/** Most bytes of the file. */
export const FILE_MAX = 4 * 1024 * 1024

/**
 * Reads the rules of the site: from `onescan.policy` in the control directory, else `policy` in
 * `hostDirectory`. Returns undefined if there is none. With `about`, lines about other mail are
 * left out. Throws a Fault of kind `config` for a file that cannot be read, or that makes no sense.
 */
export function loadRules(
  control: string,
  hostDirectory: string,
  about?: MailParties,
): Rules | undefined {
  for (const path of ruleFiles(control, hostDirectory)) {
    const text = readIfThere(path)
    if (text === undefined) continue
    const rules = parseRules(text, path, about)
    return rules.length === 0 ? undefined : new Rules(path, rules)
  }
  return undefined
}

/**
 * Reads the rules of a file. Throws a Fault as loadRules() does, and also if the file is not there.
 */
export function loadRulesFrom(path: string): Rules {
  const text = readIfThere(path)
  if (text === undefined) throw new Fault('config', `${path}: is not there`)
  return new Rules(path, parseRules(text, path))
}

function readIfThere(path: string): string | undefined {
  try {
    return readOwnFile(path, FILE_MAX)
      .toString('utf8')
      .replace(/^\ufeff/, '')
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR'
    if (isMissing && !isThere(path)) return undefined
    const why = isMissing ? `${path}: is a link that leads nowhere` : errorText(error)
    throw new Fault('config', why, error)
  }
}
