import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import iconv from 'iconv-lite'
import PostalMime from 'postal-mime'
import t from 'tap'
import { Bytes } from '../../../../src/mail/message/bytes.ts'
import { openAnonymousFile } from '../../../../src/mail/message/spool.ts'
import { contentsOf } from '../../../../src/mail/mime/contents.ts'
import { changesAscii } from '../../../../src/mail/mime/decoders/charsets.ts'
import { NO_HEADER } from '../../../../src/mail/mime/headers/part-header.ts'
import { decodeLeaf, isUnambiguous } from '../../../../src/mail/mime/leaves/decode-leaf.ts'
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
      isMultipart || isMessage || (depth.multipart?.hints.has('digest') && type === '')
    return to > from && !isContainer && !reports.some((it) => it.from <= from && to <= it.to)
  })
}

function* nothing() {}

/** What is given for a leaf. */
function givenFor(leaf: Leaf, mail: Buffer): readonly Buffer[] {
  const given: Buffer[] = []
  const options = { openFile: () => openAnonymousFile(tmpdir()), createHash }
  const source = Bytes.of(mail)
  const extraction = Extraction.of(source, options, { mail: nothing, file: nothing })
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
  readonly plain: number
  /** How many leaves with a header there are, plain or not. */
  readonly all: number
  readonly differences: readonly string[]
}

/** Holds each plain leaf of the messages against what two other parsers have. */
async function compare(
  mails: readonly (readonly [name: string, mail: Buffer])[],
): Promise<Comparison> {
  const differences: string[] = []
  let plain = 0
  let all = 0
  const ofPython = byPython(mails.map(([, mail]) => mail))
  for (const [at, [name, mail]] of mails.entries()) {
    const ofPostalMime = await byPostalMime(mail)
    for (const leaf of leavesOf(mail)) {
      if (leaf.header === NO_HEADER) continue // behind a multipart, where there is no part
      all++
      if (!isUnambiguous(leaf)) continue
      plain++
      const kind = hasLines(leaf) ? 1 : 0
      // Else plain text of the mail itself would be left to the whole.
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
  return { plain, all, differences }
}

/** Whether a leaf is text of the mail itself, and no reader changes it. */
function isShownOnce(leaf: Leaf, bytes: Buffer): boolean {
  const { charsets, hints } = leaf.header
  return (
    isTextOfMail(leaf) && !hints.has('delsp') && !charsets.some(changesAscii) && !bytes.includes(0)
  )
}

t.test(
  'a plain part of ordinary mail is decoded as two other parsers do',
  { skip: pythonMissing || lacks('openssl') },
  async (t) => {
    const mails = ordinaryMails
      .filter(({ isForSize }) => !isForSize)
      // Python takes that line for the beginning of the text.
      .filter(({ what }) => !what.includes('the quoted line of an mbox'))
      .map(({ what, message }) => [what, message()] as const)
    const { plain, all, differences } = await compare(mails)
    t.comment(`${plain} plain of ${all} leaves, of ${mails.length} mails`)
    t.same(differences, [])
    t.ok(plain >= 250)
    t.equal(plain, all, 'all leaves are plain')
  },
)

const COUNT = isWhole ? 3000 : 500

t.test(
  'a plain part of conforming mail is decoded as two other parsers do',
  { skip: pythonMissing },
  async (t) => {
    const mails = Array.from(
      { length: COUNT },
      (_, seed) => [`seed ${seed}`, conformingMail(seed)] as const,
    )
    const { plain, all, differences } = await compare(mails)
    t.comment(`${plain} plain of ${all} leaves, of ${mails.length} mails`)
    t.same(differences, [])
    t.ok(plain > 1.3 * COUNT) // half of these mails have blanks behind a delimiter, or the like
  },
)

const TYPE = 'Content-Type: a/b'
const mixed = (part: string, delimiter = '--b') =>
  `Content-Type: multipart/mixed; boundary=b\n\n${delimiter}\n${part}\n--b--\n`

/** Whether the leaf `x` of the mail is plain. */
function isPlainIn(mail: string): boolean {
  const bytes = Buffer.from(mail, 'latin1')
  const leaf = leavesOf(bytes).find(({ from }) => mail.startsWith('x', from))
  return leaf !== undefined && isUnambiguous(leaf)
}

t.test(
  'a part is plain if its header is, and every reader sees where it begins and ends',
  async (t) => {
    for (const mail of [
      ...['A: b\n\nx\n', `${TYPE}\n\nx\n`, mixed(`${TYPE}\n\nx`), mixed('\nx')],
      ...[mixed(`${TYPE}\n\nx\n--c\n`), `Content-Type: message/rfc822\n\nA: b\n\nx\n`],
      ...['base64', 'Quoted-Printable', '8bit'].map(
        (word) => `${TYPE}\nContent-Transfer-Encoding: ${word}\n\nx\n`,
      ),
    ]) {
      t.equal(isPlainIn(mail), true, mail)
    }
    for (const mail of [
      ...[`${TYPE}\nno field\n\nx\n`, `${TYPE}\n${TYPE}\n\nx\n`, `${TYPE}; name="a\n\nx\n`],
      ...['Content-Type: text/plain; charset=x-any\n\nx\n'],
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
      t.equal(isPlainIn(mail), false, mail)
    }
  },
)

/** Returns the contents of a mail that a scan of the whole covers. */
function coveredIn(mail: string): string[] {
  const options = { createHash, findsCovered: true, openFile: () => openAnonymousFile(tmpdir()) }
  const source = Bytes.of(Buffer.from(mail, 'latin1'))
  const those: string[] = []
  for (const step of contentsOf(source, options))
    if (step.kind === 'content' && step.coveredBy)
      those.push(step.bytes.gather().toString('latin1'))
  return those
}

function isCovered(mail: string): boolean {
  return coveredIn(mail).length > 0
}

t.test(
  'a file is covered as it was decoded, and not as some program saves its lines',
  async (t) => {
    const file = ' a \n b\n'
    for (const flowed of ['flowed', 'flowed; delsp=yes']) {
      const type = `Content-Type: application/x; format=${flowed}`
      const encoded = `${type}\nContent-Transfer-Encoding: base64\n\n${btoa(file)}\n`
      t.same(coveredIn(`A: b\n${mixed(`Content-Type: text/plain\n\nx\n--b\n${encoded}`)}`), [file])
    }
  },
)

t.test(
  'a part that is left to the scan of the whole is not yielded, but the files in it are',
  async (t) => {
    const text = '<p>\nbegin 644 x\n#86)C\n`\nend\n'
    const parts = {
      'text/html quoted-printable': text.replace('begin', '=62egin'),
      'file base64': `${btoa(text)}\n`,
    }
    for (const [content, encoded] of Object.entries(parts)) {
      const [type, encoding] = content.replace('file', 'application/x').split(' ')
      const mail = `A: b\nContent-Type: ${type}\nContent-Transfer-Encoding: ${encoding}\n\n${encoded}`
      const contents = (isLeft: boolean) => {
        let covered = 0
        const onCovered = () => covered++
        const openFile = () => openAnonymousFile(tmpdir())
        const options = { createHash, openFile, findsCovered: true, ...(isLeft && { onCovered }) }
        const given: string[] = []
        for (const step of contentsOf(Bytes.of(Buffer.from(mail)), options))
          if (step.kind === 'content') given.push(step.bytes.gather().toString('latin1'))
        t.equal(covered, isLeft ? 1 : 0)
        return given
      }
      t.same(contents(false), [text, 'abc'])
      t.same(contents(true), ['abc'])
    }
  },
)

t.test('a mail is plain unless a line of it is too long', async (t) => {
  const base64 = 'Content-Type: application/x\nContent-Transfer-Encoding: base64\n\n'
  const withLines = (length: number) =>
    `A: b\n${mixed(`${base64}${`${'YWJj'.repeat(length / 4)}\n`.repeat(4000 / length)}`)}`
  const withHeader = (length: number) => `A: ${'b'.repeat(length - 3)}\n${withLines(76)}`
  t.equal(isCovered(withLines(76)), true)
  t.equal(isCovered(withLines(996)), true, 'lines of 996 bytes')
  t.equal(isCovered(withHeader(998)), true, 'a line of 998 bytes')
  t.equal(isCovered(withHeader(999)), false, 'a line of 999 bytes')
  t.equal(isCovered(`${withLines(76)}\n--b x\n`), false, 'an odd delimiter')
})

t.test('a text has a form unless libclamav changes more than white space', async (t) => {
  const withText = (text: string) =>
    `A: b\n${mixed(`Content-Type: text/html\n\n${text}`)}`.replaceAll('\n', '\r\n')
  for (const text of [
    ...['<p>\n', '<p>\n\nb\n', '<p>\n\nb\n\nc\n', `<p>\n${'b\n'.repeat(9000)}`],
    ...['\n<p>\n', '<p>\n\n\nb\n', '<p>\n=0D\n', `<p>\n${'b\n'.repeat(9000)}\n\n`],
  ])
    t.equal(isCovered(withText(text)), true, JSON.stringify(text))
  for (const text of ['<p>\n ; \nb\n', '<p>\rb\n', '<p>\nContent-Transfer-Encoding: x\n'])
    t.equal(isCovered(withText(text)), false, JSON.stringify(text))
})
