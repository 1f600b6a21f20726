import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lacks } from '../needs.mjs'

/** The lines for maildrop in doc/operate.md, by which tagged mail goes into a folder. */

const page = readFileSync(join(import.meta.dirname, '../../doc/operate.md'), 'utf8')
const [, lines = ''] = /^```\n(if \(\/\^X-QHPSI[\s\S]*?)^```$/m.exec(page) ?? []

t.test(
  'mail with a virus goes into its folder, and other mail does not',
  { skip: lacks('maildrop') },
  async (t) => {
    t.match(lines, 'to "Maildir/.Infected"')
    const home = t.testdir()
    const run = (program: string, words: readonly string[], input = '') =>
      execFileSync(program, words, { cwd: home, input, env: { ...process.env, HOME: home } })
    run('maildirmake.maildrop', ['Maildir'])
    run('maildirmake.maildrop', ['-f', 'Infected', 'Maildir'])
    writeFileSync(join(home, 'filter'), `DEFAULT="Maildir"\n${lines}`, { mode: 0o600 })
    const deliver = (header: string, body: string) =>
      run('maildrop', ['./filter'], `${header}From: ann@example.org\nSubject: x\n\n${body}\n`)
    deliver('X-QHPSI: virus found\n', 'tagged')
    deliver('X-QHPSI: clean\n', 'X-QHPSI: virus found')
    deliver('', 'not scanned')
    t.equal(readdirSync(join(home, 'Maildir/.Infected/new')).length, 1)
    t.equal(readdirSync(join(home, 'Maildir/new')).length, 2)
  },
)
