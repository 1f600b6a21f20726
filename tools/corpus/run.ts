// `npm run corpus`: writes the messages of the tests that hide a file, and ordinary ones, into build/corpus, with a README
// for people who have no onescan. `npm run corpus -- DIRECTORY` makes that directory instead.
//
// clamd and the readers of `npm run bench:readers` are asked about each message, as far as the machine has them: their
// answers stand in its manifest.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { withEnding } from '../../test/programs/host/server.ts'
import { clamdMissing } from '../../test/programs/servers/clamd.ts'
import { startReaders } from '../bench/readers/readers.ts'
import { startAskedClamd } from './asked-clamd.ts'
import { writeCorpus } from './write-corpus.ts'

const OWN = join(import.meta.dirname, '../../build/corpus')

const directory = process.argv[2] ?? OWN
if (directory === OWN) rmSync(OWN, { recursive: true, force: true })

await withEnding(async (t) => {
  const readers = startReaders({ all: true })
  t.teardown(readers.stop)
  const clamd = clamdMissing ? { missing: clamdMissing } : await startAskedClamd(t)
  console.error('asking clamd and the readers about each message, which takes some minutes')
  const onMessage = (count: number) => {
    if (count % 100 === 0) console.error(`${count} messages`)
  }
  const { messages, hidden } = await writeCorpus(directory, { clamd, readers, onMessage })
  console.log(`${directory}: ${messages.length} messages, ${hidden.length} hidden files`)
})
