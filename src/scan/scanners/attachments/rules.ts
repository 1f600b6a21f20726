import { errorCode, errorText, Fault } from '../../../ground/errors/fault.ts'
import { readForeignFile } from '../../../ground/path/open.ts'
import { compileGlob } from '../../../ground/settings/glob.ts'

/**
 * What the control file bans. One rule a line, `#` in column 1 comments, UTF-8:
 *
 *     name *.exe                 a file name, in any letter case; * and ? as in sh
 *     name invoice ??.doc        blanks inside a pattern count
 *     type application/x-ms*     a MIME type
 *     content executable         content that begins as a program does, whatever its
 *                                name: Windows, ELF, Mach-O, Java class
 */
export interface AttachmentRules {
  readonly bansName: (name: string) => boolean
  readonly bansType: (type: string) => boolean
  readonly bansExecutables: boolean
}

/**
 * Reads the control file. Throws a Fault of kind `config` if the file cannot be read, has a line that is
 * no rule, or has no rule at all: with nothing to ban, the plugin would call everything clean.
 */
export async function loadAttachmentRules(file: string): Promise<AttachmentRules> {
  let text: string
  try {
    text = readForeignFile(file).toString('utf8')
  } catch (error) {
    const why = errorCode(error) || errorText(error)
    const remedy = 'write rules there, or take attachments out of QHPSI'
    throw new Fault('config', `BADATTACHMENTS ${file}: cannot be read (${why}); ${remedy}`)
  }
  return parseAttachmentRules(text, file)
}

export function parseAttachmentRules(text: string, file: string): AttachmentRules {
  const names: string[] = []
  const types: string[] = []
  let bansExecutables = false

  for (const [at, line] of text.split('\n').entries()) {
    if (line.startsWith('#') || line.trim() === '') continue
    const [, kind, pattern = ''] = /^([a-z]+)[ \t]+(.*)$/.exec(line.trim()) ?? []
    if (kind === 'name') names.push(pattern)
    else if (kind === 'type') types.push(pattern)
    else if (kind === 'content' && pattern === 'executable') bansExecutables = true
    else {
      const expected = 'name PATTERN, type PATTERN or content executable'
      throw new Fault('config', `BADATTACHMENTS ${file}: line ${at + 1} must be ${expected}`)
    }
  }
  if (names.length === 0 && types.length === 0 && !bansExecutables) {
    throw new Fault('config', `BADATTACHMENTS ${file}: holds no rule; write one`)
  }
  return { bansName: anyOf(names), bansType: anyOf(types), bansExecutables }
}

/** Makes rules of patterns of names alone. */
export function rulesOfNames(names: readonly string[]): AttachmentRules {
  return { bansName: anyOf(names), bansType: anyOf([]), bansExecutables: false }
}

function anyOf(patterns: readonly string[]): (text: string) => boolean {
  const tests = patterns.map((pattern) => compileGlob(pattern.normalize(), '*?'))
  return (text) => tests.some((test) => test(text))
}
