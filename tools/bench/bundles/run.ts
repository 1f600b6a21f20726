// `npm run bench:bundles -- [--mail PLACE]... [--count N] [--seed N] [--most N] [--clamd] [FILE...]`: what becomes of ordinary
// mail and files that are large, or hold many messages.
//
// It reads N random bundles of 5 to 250 messages (--most) of the places (test/messages/bundles.ts), as they are, without a line end
// behind each message, and in an odd one; and each file as an attachment and as a file of the clamd interface. A file may be
// a folder, with all that is below it. For each form it prints the number, the contents, the processor time and the
// slowest, and the name of each that is not read to its end.
//
// With --clamd, a clamd and an onescand in front of another one scan each, too: the output has their processor time, and
// the name of each that onescand refuses, with what clamd answers.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { withoutLineEnd } from '../../../src/base/bytes/lines.ts'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { Header } from '../../../src/mail/message/header-block.ts'
import type { ScanResult } from '../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { submissionOf } from '../../../src/scanner/scan/scanners/run/submission.ts'
import { type Fate, fateOf } from '../../../test/mail/mime/carver/fate.ts'
import { attached, bundles } from '../../../test/messages/bundles.ts'
import { cpuOfTree } from '../../../test/programs/host/process-tree.ts'
import { type Ending, withEnding } from '../../../test/programs/host/server.ts'
import { clamdAnswer, clamdMissing, startClamd } from '../../../test/programs/servers/clamd.ts'
import { createRandom } from '../../../test/run/random.ts'
import { startOnescand } from '../onescand.ts'
import { mailsIn } from '../ordinary/mails.ts'
import { openWorkshop, SPOOL } from '../workshop.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mail: { type: 'string', multiple: true, default: [] },
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
    most: { type: 'string', default: '250' },
    clamd: { type: 'boolean', default: false },
  },
})

/** The least number of messages in a bundle. */
const LEAST = 5
/** Upper limit for the bytes of a file. */
const SIZE_MAX = 4 * 1024 * 1024

type Make = (mails: readonly Buffer[]) => Buffer

/** How messages are put into a bundle. */
const variants: Readonly<Record<string, (make: Make, mails: readonly Buffer[]) => Buffer>> = {
  'as they are': (make, mails) => make(mails),
  'without a final line end': (make, mails) =>
    make(mails.map((mail) => mail.subarray(0, withoutLineEnd(mail, 0, mail.length)))),
  'in an odd message': (make, mails) =>
    Buffer.concat([Buffer.from('X-First: 1\nno field\n'), make(mails)]),
}

/** What scanners make of a message, and milliseconds of processor time for that. */
interface Scanned {
  readonly answers: { readonly clamd: ScanResult; readonly onescan: ScanResult }
  readonly time: { readonly clamd: number; readonly onescan: number }
}

type Scan = (message: Buffer) => Promise<Scanned | undefined>

/** Upper limit for the milliseconds of a scan. */
const WITHIN = 600_000
/** Milliseconds that clamd takes for a message at least whose ratio counts: the kernel counts by ten. */
const COMPARED_MIN = 200

class Tally {
  readonly #form: string
  #number = 0
  #bytes = 0
  #contents = 0
  #slowest = { time: 0, name: '' }
  #dearest = { ratio: 0, name: '' }
  readonly #time = { reader: 0, clamd: 0, onescan: 0 }
  readonly #unread: string[] = []
  readonly #refused: string[] = []

  constructor(form: string) {
    this.#form = form
  }

  add(name: string, { length }: Buffer, fate: Fate, scanned: Scanned | undefined): void {
    const { unread, contents, time } = fate
    const title = `${name}, ${length} bytes`
    this.#number++
    this.#bytes += length
    this.#contents += contents
    this.#time.reader += time
    if (time > this.#slowest.time) this.#slowest = { time, name: title }
    if (unread !== '') this.#unread.push(`${unread}: ${title}`)
    if (scanned) this.#compare(title, scanned)
  }

  #compare(title: string, { answers: { clamd, onescan }, time }: Scanned): void {
    this.#time.clamd += time.clamd
    this.#time.onescan += time.onescan
    const ratio = time.onescan / time.clamd
    if (time.clamd >= COMPARED_MIN && ratio > this.#dearest.ratio)
      this.#dearest = { ratio, name: title }
    if (onescan.answer === 'clean' || clamd.answer !== 'clean') return
    this.#refused.push(`refused, and clean to clamd: ${title}: ${JSON.stringify(onescan)}`)
  }

  print(): void {
    if (this.#number === 0) return
    const { time, name } = this.#slowest
    const { reader, clamd, onescan } = this.#time
    const rate = (this.#bytes / reader / 1000).toFixed(1)
    console.log(
      `${this.#form}: ${this.#number}, unread ${this.#unread.length}, contents ${this.#contents}, ${Math.round(reader)} ms (${rate} MB/s), slowest ${Math.round(time)} ms (${name})`,
    )
    for (const line of this.#unread) console.log(`  ${line}`)
    if (clamd === 0) return
    const { ratio, name: dearest } = this.#dearest
    console.log(
      `  refused ${this.#refused.length}; clamd ${clamd} ms, onescand with clamd ${onescan} ms (${(onescan / clamd).toFixed(2)} times), dearest ${ratio.toFixed(2)} times (${dearest})`,
    )
    for (const line of this.#refused) console.log(`  ${line}`)
  }
}

/** Starts what compares, if that is asked for. */
async function startScan(t: Ending): Promise<Scan> {
  if (!values.clamd) return async () => undefined
  if (clamdMissing) throw new Error(clamdMissing)
  const workshop = openWorkshop(SPOOL, SPOOL)
  t.teardown(workshop.remove)
  const [alone, behind] = [await startClamd(t), await startClamd(t)]
  const socket = join(workshop.directory, 'clamd.sock')
  const program = join(import.meta.dirname, '../../../bin/onescand')
  const options = ['--workers', '1', '--clamd', `unix:${socket}`]
  const environment = workshop.environment(behind)
  const { directory } = workshop
  const onescand = await startOnescand(t, [program], 'onescan', directory, environment, options)
  const used = () => ({
    clamd: cpuOfTree(alone.pid),
    onescan: cpuOfTree(onescand.pid) + cpuOfTree(behind.pid),
  })
  return async (message) => {
    const before = used()
    const answers = {
      clamd: await clamdAnswer(alone.socket, message, WITHIN),
      onescan: await clamdAnswer(socket, message, WITHIN),
    }
    const now = used()
    const time = { clamd: now.clamd - before.clamd, onescan: now.onescan - before.onescan }
    return { answers, time }
  }
}

function readFile(file: Buffer): Fate {
  const end = file.indexOf('\n\n')
  const header = new Header(file.subarray(0, end < 0 ? file.length : end + 2))
  const { readAs } = submissionOf({ header, bytes: Bytes.of(file) }, 'files')
  return fateOf(file, { isFile: readAs === 'file' })
}

function* filesIn(place: string): Generator<string> {
  if (!statSync(place).isDirectory()) return yield place
  for (const entry of readdirSync(place, { recursive: true, withFileTypes: true }))
    if (entry.isFile()) yield join(entry.parentPath, entry.name)
}

async function readBundles(scan: Scan): Promise<void> {
  const mails = values.mail.flatMap((place) => mailsIn(place, false))
  if (mails.length === 0) return
  const random = createRandom(Number(values.seed))
  const forms = Object.entries(bundles).flatMap(([form, make]) =>
    Object.entries(variants).map(([variant, put]) => {
      const read = form === 'mailbox' ? readFile : fateOf
      return { make, put, read, tally: new Tally(`${form}, ${variant}`) }
    }),
  )
  for (let bundle = 0; bundle < Number(values.count); bundle++) {
    const { make, put, read, tally } = forms[bundle % forms.length]!
    const number = LEAST + random.below(Number(values.most) - LEAST + 1)
    const message = put(
      make,
      Array.from({ length: number }, () => random.pick(mails).read()),
    )
    tally.add(`bundle ${bundle} of ${number}`, message, read(message), await scan(message))
  }
  for (const { tally } of forms) tally.print()
}

async function readFiles(scan: Scan): Promise<void> {
  const asAttachment = new Tally('files, attached')
  const asFile = new Tally('files, at the clamd interface')
  for (const path of positionals.flatMap((place) => [...filesIn(place)])) {
    if (statSync(path).size > SIZE_MAX) continue
    const file = readFileSync(path)
    const message = attached(file, basename(path))
    asAttachment.add(path, message, fateOf(message), await scan(message))
    asFile.add(path, file, readFile(file), await scan(file))
  }
  asAttachment.print()
  asFile.print()
}

await withEnding(async (t) => {
  const scan = await startScan(t)
  await readBundles(scan)
  await readFiles(scan)
})
