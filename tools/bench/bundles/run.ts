// `npm run bench:bundles -- [--mail PLACE]... [--count N] [--seed N] [FILE...]`: what the reader of mail makes of ordinary
// mail and files that are large, or hold many messages.
//
// It reads N random bundles of the messages in the places (test/messages/bundles.ts), and each file as an attachment and as
// a file of the clamd interface. A file may be a folder, with all that is below it. For each form it prints the number, the
// contents, the processor time and the slowest, and the name of each that is not read to its end.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { parseArgs } from 'node:util'
import { Bytes } from '../../../src/mail/message/bytes.ts'
import { Header } from '../../../src/mail/message/header-block.ts'
import { submissionOf } from '../../../src/scanner/scan/scanners/run/submission.ts'
import { type Fate, fateOf } from '../../../test/mail/mime/carver/fate.ts'
import { attached, bundles } from '../../../test/messages/bundles.ts'
import { createRandom } from '../../../test/run/random.ts'
import { mailsIn } from '../ordinary/mails.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    mail: { type: 'string', multiple: true, default: [] },
    count: { type: 'string', default: '100' },
    seed: { type: 'string', default: '1' },
  },
})

/** The least and the highest number of messages in a bundle. */
const LEAST = 5
const MOST = 250
/** Upper limit for the bytes of a file. */
const SIZE_MAX = 4 * 1024 * 1024

class Tally {
  readonly #form: string
  #number = 0
  #bytes = 0
  #contents = 0
  #time = 0
  #slowest = { time: 0, name: '' }
  readonly #unread: string[] = []

  constructor(form: string) {
    this.#form = form
  }

  add(name: string, { length }: Buffer, { unread, contents, time }: Fate): void {
    this.#number++
    this.#bytes += length
    this.#contents += contents
    this.#time += time
    if (time > this.#slowest.time) this.#slowest = { time, name: `${name}, ${length} bytes` }
    if (unread !== '') this.#unread.push(`${unread}: ${name}, ${length} bytes`)
  }

  print(): void {
    const { time, name } = this.#slowest
    const rate = (this.#bytes / this.#time / 1000).toFixed(1)
    console.log(
      `${this.#form}: ${this.#number}, unread ${this.#unread.length}, contents ${this.#contents}, ${Math.round(this.#time)} ms (${rate} MB/s), slowest ${Math.round(time)} ms (${name})`,
    )
    for (const line of this.#unread) console.log(`  ${line}`)
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

const mails = values.mail.flatMap((place) => mailsIn(place, false))
const random = createRandom(Number(values.seed))
const forms = Object.entries(bundles).map(([form, make]) => ({
  form,
  make,
  tally: new Tally(form),
}))
for (let bundle = 0; mails.length > 0 && bundle < Number(values.count); bundle++) {
  const { make, form, tally } = forms[bundle % forms.length]!
  const number = LEAST + random.below(MOST - LEAST + 1)
  const message = make(Array.from({ length: number }, () => random.pick(mails).read()))
  const name = `bundle ${bundle} of ${number}`
  tally.add(name, message, form === 'mailbox' ? readFile(message) : fateOf(message))
}
for (const { tally } of forms) tally.print()

const asAttachment = new Tally('files, attached')
const asFile = new Tally('files, at the clamd interface')
for (const path of positionals.flatMap((place) => [...filesIn(place)])) {
  if (statSync(path).size > SIZE_MAX) continue
  const file = readFileSync(path)
  const message = attached(file, basename(path))
  asAttachment.add(path, message, fateOf(message))
  asFile.add(path, file, readFile(file))
}
asAttachment.print()
asFile.print()
