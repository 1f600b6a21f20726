import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { hostWays } from '../packaging/host-ways.ts'
import { clamdClients } from '../programs/clamd-clients/all.ts'
import { typed } from './typed-blocks.ts'

/** The ways by which mail reaches onescan, and the tests that send EICAR on each of them. */

const root = join(import.meta.dirname, '../..')
const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** What test/packaging/pages.test.ts types on booted hosts. */
const TYPED = 'test/documents/typed-blocks.ts'
/** It starts the real program with clamd, and then with onescand in its place. */
const CLIENTS = 'test/programs/clamd-clients'
const RSPAMD = 'test/programs/milter/milter-rspamd.test.ts'

/** The ways that README names, and what of a file of tests holds each of them. */
const ways: readonly (readonly [way: string, file: string, words: string])[] = [
  ['Postfix', TYPED, 'sh /usr/share/onescan/examples/postfix/postfix-milter'],
  ['Sendmail', TYPED, 'cat /usr/share/onescan/examples/sendmail/sendmail.mc'],
  ['Postfix beside rspamd', RSPAMD, "'onescan as a milter beside rspamd'"],
  ['rspamd asks for files', RSPAMD, "'rspamd that asks onescan'"],
  ['Exim', `${CLIENTS}/exim.ts`, 'av_scanner = clamd:'],
  ['amavis', `${CLIENTS}/servers.ts`, "name: 'amavis'"],
  ['MIMEDefang', `${CLIENTS}/milters.ts`, "name: 'MIMEDefang'"],
  ['Haraka', `${CLIENTS}/npm.ts`, "name: 'Haraka'"],
  ['qmail', TYPED, '/^qmail-rules: done; /m'],
]

t.test('each way in has a test', async (t) => {
  for (const [way, file, words] of ways) t.ok(read(file).includes(words), way)
  // The nightly test takes its commands from the pages as it is loaded.
  t.ok(hostWays.length > 10)
})

t.test('the page of qmail states that mail of local programs is not scanned', async (t) => {
  t.match(
    read('doc/qmail.md'),
    /## What is not scanned\n\n- mail from local programs \(`qmail-inject`/,
  )
})

t.test('the commands of README for each kind of mail server are typed', async (t) => {
  const blocks = read('README.md').split('## Set up your mail server')[1]!.split('```sh\n').slice(1)
  t.equal(blocks.length, 2)
  for (const block of blocks) {
    t.ok(
      typed.some(({ page, begins }) => page === 'README.md' && block.startsWith(begins)),
      `typed: ${block.split('\n')[0]}`,
    )
  }
})

t.test('each filter of doc/clamd-clients.md has a test with its real program', async (t) => {
  const table = read('doc/clamd-clients.md').split('| filter | the line |')[1]!.split('\n\n')[0]!
  const filters = table
    .split('\n')
    .slice(2)
    .flatMap((row) => row.split('|')[1]!.replace('npm:', '').split(','))
  t.ok(filters.length >= 9, `${filters.length} programs`)
  for (const filter of filters.map((name) => name.trim())) {
    t.ok(
      clamdClients.some(({ name }) => name.startsWith(filter)),
      filter,
    )
  }
})
