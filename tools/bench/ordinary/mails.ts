import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** A message of a collection. Its bytes are read when they are needed. */
export interface Mail {
  /** Its file, and in an mbox `#` and its number, from 1 on. */
  readonly name: string
  /** Bytes in the file. */
  readonly size: number
  /** The bytes that qmail-smtpd passes on: lines end in LF, and its own Received field is on top. */
  read(): Buffer
}

/** As qmail-smtpd writes it (received.c). */
const RECEIVED = Buffer.from(
  'Received: from unknown (HELO mail.example.net) (192.0.2.1)\n  by mx.example.org with SMTP; 20 Nov 2026 08:00:00 -0000\n',
)

const FROM = 'From '

/**
 * The messages of a folder, in which each file is one, those in folders below included; or of a file: an
 * mbox (mboxrd) if it begins with `From `, otherwise one message. In front of a message a line `From ` is an
 * mbox's mark, and is left out unless `keepFrom` is set.
 */
export function mailsIn(place: string, keepFrom: boolean): Mail[] {
  if (!statSync(place).isDirectory()) return mailsOfFile(place, keepFrom)
  const below = readdirSync(place, { recursive: true, withFileTypes: true })
  const files = below.filter((entry) => entry.isFile())
  return files
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .map((file) => wholeFile(file, keepFrom))
}

/** Whether a part is named like a file of an office program, a PDF or an archive. */
export function hasDocument(mail: Mail): boolean {
  const fields = mail.read().toString('latin1').match(PART_FIELD) ?? []
  return fields.some((field) => DOCUMENT.test(field))
}

const PART_FIELD = /^content-(?:type|disposition):.*(?:\n[ \t].*)*/gim
const DOCUMENT = /name\b.*\.(?:pdf|rtf|doc[mx]?|xls[mx]?|ppt[mx]?|odt|ods|zip|rar|7z)\b/i

/** At most `most` of them, evenly spread over all. */
export function evenly<Item>(items: readonly Item[], most: number): Item[] {
  const count = Math.min(items.length, most)
  return Array.from({ length: count }, (_, n) => items[Math.floor((n * items.length) / count)]!)
}

/** The mails with a field that differs in each round, so that clamd knows none of them from the last one. */
export function inRound(mails: readonly Mail[], round: number): Buffer[] {
  return mails.map((mail) => Buffer.concat([Buffer.from(`X-Round: ${round}\n`), mail.read()]))
}

function wholeFile(file: string, keepFrom: boolean): Mail {
  const read = () => asHandedOn(readFileSync(file, 'latin1'), keepFrom)
  return { name: file, size: statSync(file).size, read }
}

function mailsOfFile(file: string, keepFrom: boolean): Mail[] {
  const starts = startsOfMails(readFileSync(file))
  if (starts.length === 0) return [wholeFile(file, keepFrom)]
  const { size: end } = statSync(file)
  return starts.map((start, index) => {
    const size = (starts[index + 1] ?? end) - start
    const read = () => asHandedOn(unstuffed(readPart(file, start, size)), keepFrom)
    return { name: `${file}#${index + 1}`, size, read }
  })
}

/** Offsets of the lines that begin with `From `; none if the first line does not. */
function startsOfMails(box: Buffer): number[] {
  if (box.indexOf(FROM) !== 0) return []
  const starts = [0]
  const mark = `\n${FROM}`
  for (let at = box.indexOf(mark); at !== -1; at = box.indexOf(mark, at + 1)) starts.push(at + 1)
  return starts
}

/** Without the blank line that ends a message in an mbox, and one `>` less in front of each `>From `. */
function unstuffed(text: string): string {
  return text.replace(/(\r?\n)\r?\n$/, '$1').replace(/(^|\n)>(>*From )/g, '$1$2')
}

function asHandedOn(text: string, keepFrom: boolean): Buffer {
  const mail = keepFrom ? text : text.replace(/^From [^\n]*\n/, '')
  return Buffer.concat([RECEIVED, Buffer.from(mail.replaceAll('\r\n', '\n'), 'latin1')])
}

function readPart(file: string, from: number, size: number): string {
  const part = Buffer.alloc(size)
  const descriptor = openSync(file, 'r')
  readSync(descriptor, part, 0, size, from)
  closeSync(descriptor)
  return part.toString('latin1')
}
