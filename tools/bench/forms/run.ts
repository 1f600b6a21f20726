// `npm run bench:forms`: which forms the parts of mail have (src/mail/mime/covered/tried-forms.ts), and what clamd finds
// in them.
//
//     npm run bench:forms -- phishing_pot/email spamassassin
//     npm run bench:forms -- --clamd /usr/sbin/clamd
//     npm run bench:forms -- --random 100000 --seed 1
//
// Each file in a folder is a message, each mbox is split. For each place the output has the number of parts of each
// form, their share of all parts that scanners get, and why the others have none.
// Without a place it has a table of forms and kinds of signature: in how many messages the clamd that is installed, or
// the program of --clamd, finds a file which is in a part of this form. Above it is what the test messages of onescand
// show of this clamd. With --kind TEXT: only the kinds in whose name the text is. It ends with 1 if something was not found.
// With --random: whether clamd finds the file in each of this many messages by the grammar of what is left to it
// (test/scanner/scan/scanners/clamd/allowed-mail.ts). It prints those in which it does not.
import { parseArgs } from 'node:util'
import { withEnding } from '../../../test/programs/host/server.ts'
import { clamdMissing } from '../../../test/programs/servers/clamd.ts'
import { kindsOfSignature } from '../../../test/scanner/scan/scanners/clamd/kinds-of-signature.ts'
import { tryLeftParts } from '../../../test/scanner/scan/scanners/clamd/left-parts.ts'
import { mailsIn } from '../ordinary/mails.ts'
import { showKinds } from './kinds.ts'
import { tallyOf, tallyTable } from './real-mail.ts'

const { values, positionals: places } = parseArgs({
  allowPositionals: true,
  options: {
    clamd: { type: 'string' },
    kind: { type: 'string', default: '' },
    random: { type: 'string' },
    seed: { type: 'string', default: '1' },
  },
})

if (places.length > 0) {
  console.log(tallyTable(places.map((place) => tallyOf(place, mailsIn(place, false)))))
} else if (values.random !== undefined) {
  const count = Number(values.random)
  const seed = Number(values.seed)
  const program = values.clamd
  const { made, lost } = await withEnding((t) => tryLeftParts(t, { count, seed, program }))
  for (const { form, mail } of lost) console.log(`lost: ${form}\n${JSON.stringify(mail)}`)
  console.log(`${count} messages of which a part is left to clamd, of ${made}: ${lost.length} lost`)
  process.exitCode = lost.length > 0 ? 1 : 0
} else {
  if (values.clamd === undefined && clamdMissing) throw new Error(clamdMissing)
  const kinds = Object.entries(kindsOfSignature).filter(([name]) => name.includes(values.kind))
  const shown = await showKinds(Object.fromEntries(kinds), values.clamd)
  console.log(shown)
  process.exitCode = /^not found: /m.test(shown) ? 1 : 0
}
