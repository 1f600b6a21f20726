import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import type { Bytes } from '../../../../../src/mail/message/bytes.ts'
import { makeEnvelope } from '../../../../../src/mail/message/envelope.ts'
import { spoolMessage } from '../../../../../src/mail/message/intake.ts'
import { readSpoolSettings } from '../../../../../src/mail/message/spool.ts'
import { firstFields } from '../../../../../src/mail/mime/leaves/mail-starts.ts'
import { ClamdScanner } from '../../../../../src/scanner/scan/scanners/clamd/clamd-scanner.ts'
import type {
  ContentScanner,
  ScannerDecoder,
} from '../../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { clean } from '../../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { runScanners, sampleOf } from '../../../../../src/scanner/scan/scanners/run/run-scanners.ts'
import {
  type Clamd,
  clamdAnswer,
  clamdMissing,
  startClamd,
} from '../../../../programs/servers/clamd.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import { createRandom, type Random } from '../../../../run/random.ts'
import { extractingAll } from '../evasions/judge-message.ts'
import { planOf, secondLook } from '../run/scanning.ts'
import type { FileInMail } from './allowed-mail.ts'
import { changedMail } from './changed-mail.ts'
import { clamdSettings } from './task.ts'

const latin1 = (text: string) => Buffer.from(text, 'latin1')

const MAILS = isWhole ? 12_000 : 480
const SEED = 8_201

/** Files that make a message long. */
const longFiles: readonly FileInMail[] = [
  { type: 'text/plain', bytes: latin1('A line of a long text, = \xe4 and so on.\n'.repeat(1_500)) },
  { type: 'text/html', bytes: latin1(`<html>\n${'<p id="x">Click, = \xe4.</p>\n'.repeat(2_000)}`) },
  { type: 'file', bytes: latin1(`MZ\0\xff${'abc\r\n\0'.repeat(12_000)}`) },
]

function randomMail(random: Random, isForwarded: boolean): string {
  const file = random.once(20) ? { file: random.pick(longFiles) } : {}
  const { mail } = changedMail(random, { ...file, isForwarded })
  return random.once(3) ? mail.replace(/^.*/, () => random.pick(firstLines)) : mail
}

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex')
/** The hash of a displayed text without white space, which libclamav may change in it. */
const inkOf = (bytes: Buffer) =>
  md5(Buffer.from(bytes.toString('latin1').replace(/\s/g, ''), 'latin1'))
/** Files are extracted byte for byte. */
const FILE = /^(?:MZ|PK|GIF|abcdefghi|a$)/

/** First lines, as clients of clamd may submit them. */
const firstLines: readonly string[] = [
  ...firstFields.flatMap((name) => [`${name}: x`, `${name}: x`, `${name}: x\n y`]),
  ...firstFields.flatMap((name) => [`${name}:x`, `${name}:\tx`, `${name} : x`, name, `${name}: `]),
  ...firstFields.map((name) => name.toLowerCase()).map((name) => `${name}: x`),
  ...['DKIM-Signature: x', 'X-A: b', 'Content-Type: text/plain', 'MIME-Version: 1.0', 'Cc: x'],
  ...['From x', '>From x', 'From ', ' From: x', '\nFrom: x', 'P I From: x', 'X-EVS', ';', '(x)'],
  ...['To: TFL3', 'To: TFL3@x', 'Subject: %PDF-1.4', 'Subject: \xff\xfe', 'From: \0x', 'From: x;'],
  ...[
    `Date: ${'x'.repeat(251)}ustar`,
    `Date: ${'x'.repeat(506)}EFI PART`,
    `To: ${'x'.repeat(1_100)}`,
  ],
]

/** The beginning of a mail that is asked about, as it is or below our line. */
const BEGINS_AS_MAIL = /^>?From |^[\w-]+ ?:/

interface Asking {
  readonly extracts?: ScannerDecoder['extracts']
  readonly treatsAsMail: ScannerDecoder['treatsAsMail']
  /** Whether the bytes are scanned as they are, too. */
  readonly scansRaw: boolean
}

/** What a scanner is asked about: the parts by their hashes, and the whole, as it is sent and below our line. */
async function askedAbout(
  mail: Buffer,
  { extracts = () => false, treatsAsMail, scansRaw }: Asking,
) {
  const parts = new Map<string, Buffer>()
  const wholes: Buffer[] = []
  const scanner: ContentScanner = {
    name: 'clamd',
    hasBans: false,
    decoder: { extracts, stillExtracts: async () => true, treatsAsMail, countOmitted: () => {} },
    async scan({ kind, bytes }) {
      const asked = Buffer.from(bytes.gather())
      if (kind === 'content') parts.set(md5(asked), asked)
      else wholes.push(asked)
      return clean
    },
  }
  async function* bytes() {
    yield mail
  }
  const message = await spoolMessage(bytes(), { spool: readSpoolSettings({}) })
  const envelope = makeEnvelope(Buffer.alloc(0), [])
  const sample = sampleOf(message, message.header, { envelope }, { isScannedAsSent: scansRaw })
  await runScanners(sample, planOf([scanner], { settings: secondLook }))
  message.close()
  return { parts, wholes }
}

/** The hashes of all that clamd takes out of messages, whose files it leaves; undefined if it reports something. */
async function extractedFrom(
  clamd: Clamd,
  mails: readonly Buffer[],
): Promise<Set<string> | undefined> {
  let isClean = true
  for (const mail of mails) {
    const { answer } = await clamdAnswer(clamd.socket, mail)
    isClean &&= answer === 'clean'
  }
  const hashes = new Set<string>()
  // (The stream itself is a file there, which clamd removes when it has answered.)
  const found = readdirSync(clamd.directory, { withFileTypes: true })
  for (const { name } of found.filter((entry) => entry.isDirectory() && entry.name !== 'db')) {
    const place = join(clamd.directory, name)
    for (const file of readdirSync(place, { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue
      const bytes = readFileSync(join(file.parentPath, file.name))
      hashes.add(md5(bytes)).add(inkOf(bytes))
    }
    rmSync(place, { recursive: true })
  }
  return isClean ? hashes : undefined
}

t.test('libclamav extracts each part that is left to it', { skip: clamdMissing }, async (t) => {
  const clamd = await startClamd(t, {
    alertExceedsMax: true,
    disableCache: true,
    leaveTemporaryFiles: true,
  })
  const random = createRandom(SEED)
  const left = { raw: 0, mail: 0, attached: 0 }
  const scanner = new ClamdScanner(clamdSettings(clamd.socket), {
    extracted: await extractingAll(clamd.socket),
  })
  const treatsAsMail = (bytes: Bytes) => scanner.decoder.treatsAsMail(bytes)
  const extracts = (bytes: Bytes) => scanner.decoder.extracts(bytes)
  for (let count = 0; count < 1.5 * MAILS; count++) {
    const isAttached = count % 3 === 2
    const mail = Buffer.from(randomMail(random, isAttached), 'latin1')
    const scansRaw = random.once(2)
    const byParts = await askedAbout(mail, { treatsAsMail, scansRaw })
    const byForms = await askedAbout(mail, { extracts, treatsAsMail, scansRaw })
    const missing = [...byParts.parts].filter(([hash]) => !byForms.parts.has(hash))
    if (missing.length === 0) continue
    left[isAttached ? 'attached' : scansRaw ? 'raw' : 'mail']++
    // An attached mail is submitted by itself.
    const attached = [...byForms.parts.values()].filter((part) =>
      BEGINS_AS_MAIL.test(part.toString('latin1')),
    )
    const extracted = await extractedFrom(clamd, [...byForms.wholes, ...attached])
    const isExtracted = ([hash, part]: [string, Buffer]) =>
      extracted === undefined ||
      extracted.has(hash) ||
      (!FILE.test(part.toString('latin1')) && extracted.has(inkOf(part)))
    const lost = missing.filter((part) => !isExtracted(part))
    for (const [, part] of lost) {
      t.fail(`mail ${count}`, { mail: mail.toString('latin1'), part: part.toString('latin1') })
    }
  }
  for (const [how, count] of Object.entries(left)) {
    t.ok(count > MAILS / 40, `${how}: ${count} of ${MAILS} mails have a part that is left`)
  }
})
