// `npm run bench:carver -- [--count N] [--seed N] [PLACE...]`: the two ways of reading mail, compared.
//
// Each message is read in each way of programs (reader/), and by the grammar and the carver (carver/): the messages that
// hide a file, N random ones of them, and real mail in the places. A place is a folder, in which each file is a message, or
// an mbox. It prints how many messages have which fate, the contents and the processor time of both, and each message of
// which the carver misses a file, or which only the carver leaves unread or calls odd.
import { parseArgs } from 'node:util'
import { type Fate, fateOf } from '../../../test/mail/mime/carver/fate.ts'
import { mutant } from '../../../test/messages/random/mutate.ts'
import { evasions } from '../../../test/scan/scanners/evasions/all.ts'
import { messageOf } from '../../../test/scan/scanners/evasions/compose.ts'
import { mailsIn } from '../ordinary/mails.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
})

interface Compared {
  readonly name: string
  readonly read: Fate
  readonly carved: Fate
}

function* hiding(): Generator<[string, Buffer]> {
  for (const [kind, list] of Object.entries(evasions)) {
    for (const evasion of list) {
      yield [`${kind}: ${evasion.name}, LF`, messageOf(evasion, '\n')]
      yield [`${kind}: ${evasion.name}, CRLF`, messageOf(evasion, '\r\n')]
    }
  }
}

function* random(): Generator<[string, Buffer]> {
  const first = Number(values.seed)
  for (let seed = first; seed < first + Number(values.count); seed++)
    yield [`seed ${seed}`, mutant(seed).message]
}

function* real(): Generator<[string, Buffer]> {
  for (const place of positionals)
    for (const mail of mailsIn(place, false)) yield [mail.name, mail.read()]
}

function compare(title: string, messages: Iterable<[string, Buffer]>): void {
  const compared: Compared[] = []
  for (const [name, message] of messages)
    compared.push({ name, read: fateOf(message, false), carved: fateOf(message, true) })
  if (compared.length === 0) return
  const sum = (of: (one: Compared) => number) =>
    Math.round(compared.reduce((all, one) => all + of(one), 0))
  console.log(`${title}: ${compared.length}`)
  console.log(
    `  contents: ${sum(({ read }) => read.contents)}, ${sum(({ carved }) => carved.contents)}`,
  )
  console.log(
    `  milliseconds: ${sum(({ read }) => read.time)}, ${sum(({ carved }) => carved.time)}`,
  )
  const counts = new Map<string, number>()
  for (const { read, carved } of compared) {
    const change = `${read.file} → ${carved.file}`
    counts.set(change, (counts.get(change) ?? 0) + 1)
  }
  for (const [change, count] of counts) console.log(`  ${change}: ${count}`)
  for (const { name, read, carved } of compared) {
    if (read.file === 'found' && carved.file !== 'found') console.log(`  ${carved.file}: ${name}`)
    if (carved.unread !== '' && read.unread === '') console.log(`  ${carved.unread}: ${name}`)
    if (title === 'real' && carved.odd !== read.odd)
      console.log(`  odd: ${read.odd || 'nothing'} → ${carved.odd || 'nothing'}: ${name}`)
  }
}

compare('hiding a file', hiding())
compare('random', random())
compare('real', real())
