import { execFileSync } from 'node:child_process'
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lacks } from '../needs.mjs'
import { openDirectory } from './host/reachable.ts'

/** The lines for delivery agents in doc/infected-mail.md, by which tagged mail goes into a folder. */

const page = readFileSync(join(import.meta.dirname, '../../doc/infected-mail.md'), 'utf8')
const blockWith = (line: RegExp): string => {
  const blocks = [...page.matchAll(/^```\w*\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text)
  return blocks.find((text) => line.test(text)) ?? ''
}

const NOBODY = 65_534
const mails = {
  tagged: 'X-QHPSI: virus found\nFrom: ann@example.org\nSubject: x\n\nx\n',
  clean: 'X-QHPSI: clean\nFrom: ann@example.org\nSubject: x\n\nX-QHPSI: virus found\n',
  'not scanned': 'From: ann@example.org\nSubject: x\n\nx\n',
} as const

/** The home of a user, and a function that runs a program there. */
function homeOf(t: Test) {
  const home = t.testdir()
  const run = (program: string, words: readonly string[], input = '') =>
    execFileSync(program, words, { cwd: home, input, env: { ...process.env, HOME: home } })
  return { home, run }
}

/** Asserts that of three messages one is in each folder, and two in the inbox. */
function expectFolders(t: Test, home: string) {
  t.equal(readdirSync(join(home, 'Maildir/.Infected/new')).length, 1)
  t.equal(readdirSync(join(home, 'Maildir/new')).length, 2)
}

t.test(
  'maildrop puts mail with a virus into its folder',
  { skip: lacks('maildrop') },
  async (t) => {
    const lines = blockWith(/^if \(\/\^X-QHPSI/)
    t.match(lines, 'to "Maildir/.Infected"')
    const { home, run } = homeOf(t)
    run('maildirmake.maildrop', ['Maildir'])
    run('maildirmake.maildrop', ['-f', 'Infected', 'Maildir'])
    writeFileSync(join(home, 'filter'), `DEFAULT="Maildir"\n${lines}`, { mode: 0o600 })
    for (const mail of Object.values(mails)) run('maildrop', ['./filter'], mail)
    expectFolders(t, home)
  },
)

t.test('procmail does', { skip: lacks('procmail') }, async (t) => {
  const lines = blockWith(/^\* \^X-QHPSI/m)
  const { home, run } = homeOf(t)
  mkdirSync(join(home, 'Maildir'))
  const set = `MAILDIR=${home}\nDEFAULT=${home}/Maildir/\n`
  writeFileSync(join(home, 'rc'), `${set}${lines}`, { mode: 0o600 })
  for (const mail of Object.values(mails)) run('procmail', ['./rc'], mail)
  expectFolders(t, home)
})

t.test('a script in Sieve does', { skip: lacks('sieve-test') }, async (t) => {
  const directory = openDirectory(t)
  const uid = process.getuid!() || NOBODY
  const user = ['-o', `mail_uid=${uid}`, '-o', `mail_gid=${uid}`, '-o', 'first_valid_uid=1']
  const script = join(directory, 'infected.sieve')
  writeFileSync(script, blockWith(/^require \["fileinto"/))
  if (process.getuid!() === 0) chownSync(directory, uid, uid) // the script is compiled beside it
  for (const [name, mail] of Object.entries(mails)) {
    const file = join(directory, 'mail')
    writeFileSync(file, mail)
    const output = execFileSync('sieve-test', [...user, script, file], { encoding: 'utf8' })
    const folder = name === 'tagged' ? 'Infected' : 'INBOX'
    t.match(output, `store message in folder: ${folder}`, name)
  }
})
