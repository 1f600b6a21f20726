import { errorCode, errorText, Fault } from '../../../lib/errors/fault.ts'
import { readForeignFile } from '../../../lib/path/open.ts'
import { compileGlob } from '../../../lib/text/glob.ts'
import type { BannedBy } from '../../../settings/table/attachments.ts'
import { CONTENT_KINDS, type ContentKind } from './content-kinds.ts'

/**
 * The names, types and contents that BADATTACHMENTS bans, by patterns of names or by a control file. A
 * control file is UTF-8 and has one rule a line. `#` in column 1 begins a comment:
 *
 *     name *.exe                 a file name, in any letter case; * and ? as in sh
 *     name invoice ??.doc        blanks inside a pattern count
 *     type application/x-ms*     a MIME type
 *     content executable         content that begins like a program, whatever its name; or another kind of
 *                                content
 */
export interface AttachmentRules {
  /** The patterns of names, unchanged. */
  readonly names: readonly string[]
  readonly bansName: (name: string) => boolean
  readonly bansType: (type: string) => boolean
  readonly kinds: ReadonlySet<ContentKind>
}

/**
 * Reads the rules. Throws a Fault of kind `config` if the control file cannot be read, has an invalid line,
 * or has no rule at all. Without rules, the plugin would find everything clean.
 */
export function readAttachmentRules(by: BannedBy): AttachmentRules {
  return 'file' in by ? readRuleFile(by.file) : rulesOf(by.names, [], [])
}

function readRuleFile(file: string): AttachmentRules {
  let text: string
  try {
    text = readForeignFile(file).toString('utf8')
  } catch (error) {
    const why = errorCode(error) || errorText(error)
    const remedy = 'add rules there, or remove attachments from QHPSI'
    throw new Fault('config', `BADATTACHMENTS ${file}: cannot be read (${why}); ${remedy}`)
  }
  const names: string[] = []
  const types: string[] = []
  const kinds: ContentKind[] = []

  for (const [at, line] of text.split('\n').entries()) {
    if (line.startsWith('#') || line.trim() === '') continue
    const [, rule, pattern = ''] = /^([a-z]+)[ \t]+(.*)$/.exec(line.trim()) ?? []
    const kind = CONTENT_KINDS.find((known) => known === pattern)
    if (rule === 'name') names.push(pattern)
    else if (rule === 'type') types.push(pattern)
    else if (rule === 'content' && kind !== undefined) kinds.push(kind)
    else {
      const expected = `name PATTERN, type PATTERN or content ${CONTENT_KINDS.join('|')}`
      throw new Fault('config', `BADATTACHMENTS ${file}: line ${at + 1} must be ${expected}`)
    }
  }
  if (names.length + types.length + kinds.length === 0) {
    throw new Fault('config', `BADATTACHMENTS ${file}: contains no rule; add one`)
  }
  return rulesOf(names, types, kinds)
}

function rulesOf(
  names: readonly string[],
  types: readonly string[],
  kinds: readonly ContentKind[],
): AttachmentRules {
  return { names, bansName: anyOf(names), bansType: anyOf(types), kinds: new Set(kinds) }
}

function anyOf(patterns: readonly string[]): (text: string) => boolean {
  const tests = patterns.map((pattern) => compileGlob(pattern.normalize(), '*?'))
  return (text) => tests.some((test) => test(text))
}
