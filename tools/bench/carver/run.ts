// `npm run bench:carver -- [--count N] [--seed N] [PLACE...]`: what the reader of mail finds, and what it costs.
//
// It reads the messages that hide a file, N random ones of them, and real mail in the places. A place is a folder, in which
// each file is a message, or an mbox. It prints how many messages have which fate, their contents, the processor time, and
// each message of which a file is missed, or which is unread or, in real mail, odd.
import { parseArgs } from 'node:util'
import { type Fate, fateOf } from '../../../test/mail/mime/carver/fate.ts'
import { mutant } from '../../../test/messages/random/mutate.ts'
import { evasions } from '../../../test/scanner/scan/scanners/evasions/all.ts'
import { messageOf } from '../../../test/scanner/scan/scanners/evasions/compose.ts'
import { mailsIn } from '../ordinary/mails.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { count: { type: 'string', default: '1000' }, seed: { type: 'string', default: '1' } },
})

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

function report(title: string, messages: Iterable<[string, Buffer]>): void {
  const fates = [...messages].map(([name, message]): [string, Fate] => [name, fateOf(message)])
  if (fates.length === 0) return
  const sum = (of: (fate: Fate) => number) =>
    Math.round(fates.reduce((all, [, fate]) => all + of(fate), 0))
  console.log(`${title}: ${fates.length}`)
  console.log(`  contents: ${sum(({ contents }) => contents)}`)
  console.log(`  milliseconds: ${sum(({ time }) => time)}`)
  for (const file of ['found', 'whole', 'within', 'missed'] as const)
    console.log(`  ${file}: ${sum((fate) => Number(fate.file === file))}`)
  const isReal = title === 'real'
  for (const [name, { file, unread, odd }] of fates) {
    if (!isReal && file !== 'found') console.log(`  ${file}: ${name}`)
    if (unread !== '') console.log(`  ${unread}: ${name}`)
    if (isReal && odd !== '') console.log(`  odd: ${odd}: ${name}`)
  }
}

report('hiding a file', hiding())
report('random', random())
report('real', real())
