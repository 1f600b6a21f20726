import { errorCode, errorText, Fault } from '../../../ground/errors/fault.ts'
import { replaceUnprintable } from '../../../ground/errors/log.ts'
import { readForeignFile } from '../../../ground/path/open.ts'
import { compileGlob } from '../../../ground/settings/glob.ts'
import type { Bytes } from '../../../mail/message/bytes.ts'
import type { Field } from '../../../mail/mime/headers/fields.ts'
import { clean, infected, type ScanFinding, unknown } from '../shared/finding.ts'
import type { ScanSettings } from '../shared/scan-settings.ts'
import type { LocalScanner, MailSearch, ScanTask } from '../shared/scanner.ts'
import { readNames, spellings } from './part-names.ts'

/** Characters of a name that go into the answer, and with it into the SMTP reply. */
const SHOWN_MAX = 80

/**
 * Plugin `attachments`: refuses banned file names, MIME types and programs. BADATTACHMENTS has patterns
 * of names, or names a control file (AttachmentRules). A name counts wherever some reader of mail may see
 * one: in each part of multiparts and attached messages, in any encoding, in uuencode, yEnc, calendars
 * and address books, too. Archives and winmail.dat are not opened; their names and types can be banned.
 *
 * If a mail holds more than is read, the answer is *could not tell*. With BADMIME=accept it is about
 * what was read, and the limit is noted. The control file is read once; if it cannot be used, that is a
 * Fault of kind `config`.
 */
export function attachmentsScanner({ BADATTACHMENTS, BADMIME }: ScanSettings): LocalScanner {
  /** The rules, which nobody changes, are the same for all messages. */
  let known: AttachmentRules | undefined
  const rulesOnce = () => {
    known ??=
      'file' in BADATTACHMENTS
        ? loadAttachmentRules(BADATTACHMENTS.file)
        : rulesOfNames(BADATTACHMENTS.names)
    return known
  }
  return {
    name: 'attachments',
    local: true,
    async prepare() {
      rulesOnce()
    },
    async search(task) {
      return new AttachmentSearch(rulesOnce(), BADMIME, task)
    },
  }
}

/** The search of one message for what the rules ban. */
class AttachmentSearch implements MailSearch {
  readonly #rules: AttachmentRules
  readonly #malformed: ScanSettings['BADMIME']
  readonly #task: ScanTask
  /** The first banned thing that is not excused: a file name, `type a/b` or `content executable`. */
  #banned: string | undefined
  /** The first banned thing that is excused. */
  #excused: string | undefined
  /** The first limit that left something unread. */
  #limit: string | undefined

  constructor(rules: AttachmentRules, malformed: ScanSettings['BADMIME'], task: ScanTask) {
    this.#rules = rules
    this.#malformed = malformed
    this.#task = task
  }

  header(fields: readonly Field[]): void {
    if (this.#banned !== undefined) return
    const { names, types, over } = readNames(fields)
    for (const name of names) if (this.#rules.bansName(name)) this.#ban(name)
    for (const type of types) if (this.#rules.bansType(type)) this.#ban(`type ${type}`)
    if (over !== undefined) this.over(over)
  }

  name(name: string): void {
    for (const spelling of spellings(name)) {
      if (this.#rules.bansName(spelling)) this.#ban(spelling)
    }
  }

  content(content: Bytes): void {
    if (!this.#rules.bansExecutables) return
    if (beginsExecutable(content.gather(0, MAGIC_LENGTH))) this.#ban('content executable')
  }

  over(why: string): void {
    this.#limit ??= why
  }

  answer(): ScanFinding {
    if (this.#banned !== undefined) return finding(this.#banned)
    if (this.#limit !== undefined) {
      const why = `attachments: ${this.#limit}`
      if (this.#malformed === 'defer') return unknown(why, 'limit')
      this.#task.note(why)
    }
    return this.#excused === undefined ? clean : finding(this.#excused)
  }

  #ban(what: string): void {
    if (this.#task.isExcused?.(finding(what))) this.#excused ??= what
    else this.#banned ??= what
  }
}

function finding(banned: string) {
  return { ...infected(`attachment ${shown(banned)}`), banned: true } as const
}

/** The name in printable ASCII, and shortened in the middle if it is long: its end says more. */
function shown(name: string): string {
  const text = replaceUnprintable(name)
  if (text.length <= SHOWN_MAX) return text
  return `${text.slice(0, SHOWN_MAX / 2 - 3)}...${text.slice(-SHOWN_MAX / 2)}`
}

/** Bytes of a file that beginsExecutable reads. */
const MAGIC_LENGTH = 64

/**
 * The first four bytes of ELF, of Mach-O (32 and 64 bits, both byte orders, universal), and of a
 * Java class.
 */
const magic = new Set([0x7f454c46, 0xfeedface, 0xfeedfacf, 0xcefaedfe, 0xcffaedfe, 0xcafebabe])

/** Whether a file that begins with these bytes is a program for Windows, Unix, macOS or Java. */
function beginsExecutable(start: Buffer): boolean {
  if (start.length < 4) return false
  if (magic.has(start.readUInt32BE(0))) return true
  // A text may begin with "MZ", too; the header of a program has zeros where text has none.
  return start.toString('latin1', 0, 2) === 'MZ' && start.includes(0)
}

/**
 * What the control file bans. One rule a line, `#` in column 1 comments, UTF-8:
 *
 *     name *.exe                 a file name, in any letter case; * and ? as in sh
 *     name invoice ??.doc        blanks inside a pattern count
 *     type application/x-ms*     a MIME type
 *     content executable         content that begins as a program does, whatever its
 *                                name: Windows, ELF, Mach-O, Java class
 */
interface AttachmentRules {
  readonly bansName: (name: string) => boolean
  readonly bansType: (type: string) => boolean
  readonly bansExecutables: boolean
}

/**
 * Reads the control file. Throws a Fault of kind `config` if the file cannot be read, has a line that is
 * no rule, or has no rule at all: with nothing to ban, the plugin would call everything clean.
 */
function loadAttachmentRules(file: string): AttachmentRules {
  let text: string
  try {
    text = readForeignFile(file).toString('utf8')
  } catch (error) {
    const why = errorCode(error) || errorText(error)
    const remedy = 'write rules there, or take attachments out of QHPSI'
    throw new Fault('config', `BADATTACHMENTS ${file}: cannot be read (${why}); ${remedy}`)
  }
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
function rulesOfNames(names: readonly string[]): AttachmentRules {
  return { bansName: anyOf(names), bansType: anyOf([]), bansExecutables: false }
}

function anyOf(patterns: readonly string[]): (text: string) => boolean {
  const tests = patterns.map((pattern) => compileGlob(pattern.normalize(), '*?'))
  return (text) => tests.some((test) => test(text))
}
