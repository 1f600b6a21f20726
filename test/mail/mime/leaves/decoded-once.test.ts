import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import iconv from 'iconv-lite'
import PostalMime from 'postal-mime'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { changesAscii } from '../../../../src/mail/mime/decoders/charsets.ts'
import { NO_HEADER } from '../../../../src/mail/mime/headers/part-header.ts'
import { decodeLeaf, isDecodedOnce } from '../../../../src/mail/mime/leaves/decode-leaf.ts'
import { Extraction } from '../../../../src/mail/mime/leaves/extraction.ts'
import { isTextOfMail, type Leaf } from '../../../../src/mail/mime/structure/leaf.ts'
import { ordinaryMails } from '../../../cases/ordinary/all.ts'
import { conformingMail } from '../../../messages/random/conforming.ts'
import { lacks } from '../../../needs.mjs'
import { python, pythonMissing } from '../../../programs/host/python.ts'
import { isWhole } from '../../../run/is-whole.ts'
import { structureOf } from '../structure-of.ts'

/**
 * All leaves that are neither multiparts nor messages, of the mail and of the messages in it. A report about
 * delivery is none to Python, which reads it as fields.
 */
function leavesOf(mail: Buffer): readonly Leaf[] {
  const { leaves } = structureOf(mail)
  const reports = leaves.filter(({ header }) => header.type === 'message/delivery-status')
  return leaves.filter(({ header, depth, from, to }) => {
    const { isMultipart, isMessage, type } = header
    const isContainer =
      isMultipart || isMessage || (depth.multipart?.declared.has('digest') && type === '')
    return to > from && !isContainer && !reports.some((it) => it.from <= from && to <= it.to)
  })
}

function* nothing() {}

// biome-ignore lint/correctness/useYield: a mail of which nothing is given
function* noMail() {
  return true
}

/** What is given for a leaf. */
function givenFor(leaf: Leaf, mail: Buffer): readonly Buffer[] {
  const given: Buffer[] = []
  const options = { openFile: () => openAnonymousFile(tmpdir()), createHash }
  const source = Bytes.of(mail)
  const extraction = Extraction.of(source, options, { openMail: noMail, openContent: nothing })
  for (const step of decodeLeaf(leaf, source, extraction)) {
    if (step.kind !== 'content') continue
    given.push(step.bytes.gather())
  }
  return given.length > 0 ? given : [Buffer.alloc(0)]
}

/** The bytes with LF at the end of each line, and without line ends at their end. */
function normal(bytes: Buffer): Buffer {
  const lines = bytes.toString('latin1').replaceAll('\r\n', '\n').replace(/\n+$/, '')
  return Buffer.from(lines, 'latin1')
}

const digestOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Whether the line ends of a leaf, and the last one, are as they travelled, so that readers differ. */
const hasLines = ({ encodings, header }: Leaf) => encodings[0] !== 'base64' || header.isShown

/** The leaves of each message as Python decodes them, each by its two digests (read-leaves.py). */
function byPython(mails: readonly Buffer[]): readonly (readonly [raw: string, normal: string])[][] {
  const input = JSON.stringify(mails.map((mail) => mail.toString('base64')))
  const script = join(import.meta.dirname, 'read-leaves.py')
  const { stdout } = spawnSync(python, [script], {
    input,
    encoding: 'utf8',
    maxBuffer: 1024 * 1024 * 1024,
  })
  return JSON.parse(stdout)
}

interface PostalLeaves {
  /** All texts that it shows, in Unicode and without blanks. */
  readonly shown: string
  readonly files: readonly Buffer[]
}

async function byPostalMime(mail: Buffer): Promise<PostalLeaves> {
  const options = { maxNestingDepth: 256, attachmentEncoding: 'arraybuffer' } as const
  const { text = '', html = '', attachments } = await PostalMime.parse(mail, options)
  let shown = withoutBlanks(text + html)
  const files: Buffer[] = []
  for (const { content, mimeType } of attachments) {
    const file = Buffer.from(content as ArrayBuffer)
    files.push(file)
    if (mimeType !== 'message/rfc822') continue
    const within = await byPostalMime(file)
    shown += within.shown
    files.push(...within.files)
  }
  return { shown, files }
}

/** Without blanks, since it joins flowed lines. */
const withoutBlanks = (text: string) => text.replace(/\s/g, '')

/** The text of a leaf, whose character set a reader of today takes for the one of Windows. */
function textOf(bytes: Buffer, { header: { charsets } }: Leaf): string {
  const [charset = 'utf8'] = charsets
  return iconv.decode(bytes, charset === 'iso88591' ? 'windows1252' : charset)
}

function isAmong({ shown, files }: PostalLeaves, given: Buffer, leaf: Leaf): boolean {
  // It gives a calendar other line ends.
  const isFile = files.some((file) => normal(file).equals(normal(given)))
  // It knows few of the character sets that change ASCII.
  const isShown = () =>
    leaf.header.charsets.some(changesAscii) || shown.includes(withoutBlanks(textOf(given, leaf)))
  return isFile || isShown()
}

interface Comparison {
  readonly alike: number
  /** How many leaves with a header there are in all. */
  readonly all: number
  readonly differences: readonly string[]
}

/** Compares each unambiguous leaf of the messages with what two other parsers have. */
async function compare(
  mails: readonly (readonly [name: string, mail: Buffer])[],
): Promise<Comparison> {
  const differences: string[] = []
  let alike = 0
  let all = 0
  const ofPython = byPython(mails.map(([, mail]) => mail))
  for (const [at, [name, mail]] of mails.entries()) {
    const ofPostalMime = await byPostalMime(mail)
    for (const leaf of leavesOf(mail)) {
      if (leaf.header === NO_HEADER) continue // behind a multipart, where there is no part
      all++
      if (!isDecodedOnce(leaf)) continue
      alike++
      const kind = hasLines(leaf) ? 1 : 0
      // Else text of the mail itself would be left to the whole.
      const given = givenFor({ ...leaf, role: 'part' }, mail)
      const what = `${name}: ${leaf.header.type} at ${leaf.from}`
      const digests = ofPython[at]!.map((both) => both[kind])
      const same = given.find((bytes) => digests.includes(digestOf(kind ? normal(bytes) : bytes)))
      if (!same) differences.push(`${what}, by Python`)
      else if (!isAmong(ofPostalMime, same, leaf)) differences.push(`${what}, by postal-mime`)
      else if (isShownOnce(leaf, same) && givenFor(leaf, mail).length > 1) {
        differences.push(`${what} is given more than once`)
      }
    }
  }
  return { alike, all, differences }
}

/** Whether a leaf is text of the mail itself, and no reader changes it. */
function isShownOnce(leaf: Leaf, bytes: Buffer): boolean {
  const { charsets, declared } = leaf.header
  return (
    isTextOfMail(leaf) &&
    !declared.has('delsp') &&
    !charsets.some(changesAscii) &&
    !bytes.includes(0)
  )
}

t.test(
  'ordinary mail is decoded as by two other parsers',
  { skip: pythonMissing || lacks('openssl') },
  async (t) => {
    const mails = ordinaryMails
      .filter(({ isForSize }) => !isForSize)
      // Python takes that line for the beginning of the text.
      .filter(({ what }) => !what.includes('the quoted line of an mbox'))
      .map(({ what, message }) => [what, message()] as const)
    const { alike, all, differences } = await compare(mails)
    t.comment(`${alike} unambiguous of ${all} leaves, of ${mails.length} mails`)
    t.same(differences, [])
    t.ok(alike >= 250)
    t.equal(alike, all, 'all leaves are unambiguous')
  },
)

const COUNT = isWhole ? 3000 : 500

t.test('conforming mail is decoded as by two other parsers', { skip: pythonMissing }, async (t) => {
  const mails = Array.from(
    { length: COUNT },
    (_, seed) => [`seed ${seed}`, conformingMail(seed)] as const,
  )
  const { alike, all, differences } = await compare(mails)
  t.comment(`${alike} unambiguous of ${all} leaves, of ${mails.length} mails`)
  t.same(differences, [])
  t.ok(alike > 1.3 * COUNT) // half of these mails have blanks behind a delimiter, or the like
})

const TYPE = 'Content-Type: a/b'
const mixed = (part: string, delimiter = '--b') =>
  `Content-Type: multipart/mixed; boundary=b\n\n${delimiter}\n${part}\n--b--\n`

/** Whether the leaf `x` of the mail is unambiguous. */
function isDecodedOnceIn(mail: string): boolean {
  const bytes = Buffer.from(mail, 'latin1')
  const leaf = leavesOf(bytes).find(({ from }) => mail.startsWith('x', from))
  return leaf !== undefined && isDecodedOnce(leaf)
}

t.test('a part is unambiguous if its header and both of its ends are', async (t) => {
  for (const mail of [
    'A: b\n\nx\n',
    `${TYPE}\n\nx\n`,
    mixed(`${TYPE}\n\nx`),
    mixed('\nx'),
    mixed(`${TYPE}\n\nx\n--c\n`),
    `Content-Type: message/rfc822\n\nA: b\n\nx\n`,
    ...['base64', 'Quoted-Printable', '8bit'].map(
      (word) => `${TYPE}\nContent-Transfer-Encoding: ${word}\n\nx\n`,
    ),
  ]) {
    t.equal(isDecodedOnceIn(mail), true, mail)
  }
  for (const mail of [
    `${TYPE}\nno field\n\nx\n`,
    `${TYPE}\n${TYPE}\n\nx\n`,
    `${TYPE}; name="a\n\nx\n`,
    'Content-Type: text/plain; charset=x-any\n\nx\n',
    ...['x-uuencode', 'base64 (c)', 'x-any'].map(
      (word) => `${TYPE}\nContent-Transfer-Encoding: ${word}\n\nx\n`,
    ),
    ...[
      mixed(`${TYPE}\n\nx\n--b y`),
      mixed(`${TYPE}\n\nx`, '--b y'),
      mixed('\nx', '--b '),
      mixed('A: b\n\ny\n--b--\nx'),
    ],
  ]) {
    t.equal(isDecodedOnceIn(mail), false, mail)
  }
})
