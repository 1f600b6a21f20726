import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { findEntry } from '../../../src/quarantine/entries.ts'
import { openQuarantine } from '../../../src/quarantine/folders.ts'
import { keepOne, makeQuarantine } from '../../quarantine/kept.ts'
import { jsonIn, onescan } from '../onescan.ts'

/** `onescan report --mail` tells the postmaster about the quarantine. */

const DAY = 86_400_000
/** 2026-11-19, 12:00 UTC. */
const NOON = Date.UTC(2026, 10, 19, 12)

const log = 'onescan: decision=quarantine grounds=virus\n'

async function report(directory: string, ...words: readonly string[]) {
  const all = ['report', '--mail', 'postmaster@example.org', '--quarantine', directory, ...words]
  const run = await onescan(all, { input: log, env: { TZ: 'UTC', LANG: 'C' } })
  const [header = '', body = ''] = run.bytes.toString().split(/\n\n(.*)/s)
  const isEncoded = header.includes('Content-Transfer-Encoding: base64')
  return { ...run, header, body: isEncoded ? Buffer.from(body, 'base64').toString() : body }
}

const told = (body: string) => body.split('\nIn quarantine\n')[1]

/** Leaves a message as a release does. */
function markReleased(directory: string, id: string): void {
  const { grounds, day, file } = findEntry(openQuarantine(directory), id)!
  const folder = join(directory, grounds, `.${day}`)
  renameSync(join(folder, 'new', file), join(folder, 'cur', `${file}:2,P`))
}

t.test(
  'the mail counts messages by ground, and names each with the command that releases it',
  async (t) => {
    const directory = makeQuarantine(t)
    await keepOne(directory, NOON - DAY)
    const first = await keepOne(directory, NOON, { recipients: ['b@x.org', 'c@x.org', 'd@x.org'] })
    const second = await keepOne(directory, NOON + 1000, {
      grounds: 'banned',
      found: 'attachment x.exe',
      sender: '',
    })
    markReleased(directory, await keepOne(directory, NOON + 2000))
    await keepOne(directory, NOON + DAY)
    const { code, body, header, err } = await report(directory, '--since', '2026-11-19', '--until', '2026-11-20') // biome-ignore format: a line
    t.same([code, err], [0, ''])
    t.match(header, /^To: postmaster@example\.org\nSubject: onescan: /)
    const command = `onescan quarantine release`
    t.equal(
      told(body),
      `           1 banned
           1 virus
           1 released since then

  2026-11-19 12:00:01  banned: attachment x.exe
    from <>
    to <b@example.org>
    ${command} ${second} --directory ${directory}

  2026-11-19 12:00:00  virus: Test-Virus
    from <a@example.net>
    to <b@x.org> +2
    ${command} ${first} --directory ${directory}
`,
    )
  },
)

t.test('the mail names only the newest 50 messages, and counts all', async (t) => {
  const directory = makeQuarantine(t)
  const ids: string[] = []
  for (let n = 0; n < 53; n++) ids.push(await keepOne(directory, NOON + n * 1000))
  const { body } = await report(directory)
  t.match(told(body), /^ {10}53 virus\n\n {2}The newest 50 of 53:\n/)
  const named = [...body.matchAll(/release (\S+)/g)].map(([, id]) => id)
  t.same(named, ids.slice(3).reverse())
})

t.test('text that strangers wrote stays in its line, and is harmless', async (t) => {
  const directory = makeQuarantine(t)
  const forged = '\r\n    onescan quarantine release x; evil\x1b]0;x\x07\u202e\n.\n'
  await keepOne(directory, NOON, {
    sender: `${forged}a@example.net`,
    recipients: [`b@${'x'.repeat(900)}.end`],
    found: `${' '.repeat(500)}${forged}`,
    text: `Subject: SECRET\x1b\nBcc: all@example.net\n\nbody\n`,
  })
  const { header, body, bytes } = await report(directory)
  t.notMatch(body, /[\0-\x09\x0b-\x1f\x7f-\x9f\u202e]|SECRET|Bcc/)
  t.notMatch(bytes.toString('latin1'), /[^\n -~]/)
  t.equal(header.split('\n').length, 7)
  const lines = told(body)!.split('\n')
  t.equal(lines.filter((line) => /^\s*onescan quarantine release/.test(line)).length, 1)
  t.ok(lines.every((line) => line.length <= 78 || line.includes('--directory')), 'no program breaks them') // biome-ignore format: a line
  t.match(body, /to <b@x+\.\.\.x+\.end>\n/)
})

t.test('a directory that sh would read differently is quoted in the command', async (t) => {
  const directory = join(makeQuarantine(t), "it's here; now")
  mkdirSync(directory, { mode: 0o700 })
  const id = await keepOne(directory, NOON)
  const { body } = await report(directory)
  t.ok(body.includes(`release ${id} --directory '${directory.replace("'", `'\\''`)}'\n`), body)
})

t.test(
  'a quarantine that cannot be read is reported in the mail, and by the exit code',
  async (t) => {
    const directory = makeQuarantine(t)
    const missing = await report(join(directory, 'missing'))
    t.equal(missing.code, 2)
    t.match(missing.err, /the quarantine cannot be looked at: .*ENOENT.*missing/)
    t.match(told(missing.body), /^ {2}the quarantine cannot be looked at: .*ENOENT.*missing/)
    const id = await keepOne(directory, NOON)
    const good = await keepOne(directory, NOON + 1000)
    writeFileSync(join(directory, `virus/.2026-11-19/new/${id},S=17`), 'spoilt')
    const spoilt = await report(directory)
    t.equal(spoilt.code, 2)
    t.match(told(spoilt.body), /12:00:00 {2}virus; is no message in quarantine/)
    t.match(told(spoilt.body), `release ${good}`)
  },
)

t.test(
  'QUARANTINE names the directory, and other forms of the report do not mention it',
  async (t) => {
    const QUARANTINE = makeQuarantine(t)
    const mail = ['report', '--mail', 'postmaster@example.org']
    const run = (words: string[], quarantine = QUARANTINE) =>
      onescan(words, { input: log, env: { QUARANTINE: quarantine } })
    t.equal(told((await run(mail)).out), undefined, 'nothing is kept')
    await keepOne(QUARANTINE, NOON)
    t.match(told((await run(mail)).out), ' 1 virus\n')
    t.equal(told((await run(mail, 'hold')).out), undefined, 'the MTA keeps it')
    t.equal(told((await run(['report'])).out), undefined)
    t.equal(jsonIn((await run(['report', '--json'])).out).ok, true)
    const alone = await run(['report', '--quarantine', QUARANTINE])
    t.match(alone, { code: 2, out: '' })
  },
)
