import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { EICAR } from '../../../src/scanner/scan/scanners/eicar/eicar.ts'
import { NATIVE } from '../../../tools/bench/contestants.ts'
import { mailsIn } from '../../../tools/bench/ordinary/mails.ts'
import { runScript } from '../../../tools/bench/run-script.ts'
import { inMultiparts } from '../../cases/nesting.ts'
import { lacks } from '../../needs.mjs'
import { openDirectory } from '../../programs/host/reachable.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'

const skip =
  clamdMissing ||
  lacks('cc') ||
  (!existsSync(join(NATIVE, 'onescanc')) && 'not built: npm run build:client')

const bench = (words: readonly string[]) =>
  runScript(join(import.meta.dirname, '../../../tools/bench/ordinary/run.ts'), words)

const note = (subject: string) =>
  `From: Ann <ann@example.org>\nSubject: ${subject}\n\nThe minutes of ${subject} follow.\n`

const DAYS = 40

const withFile = (subject: string) => `From: Ann <ann@example.org>
Subject: ${subject}
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="part"

--part
Content-Type: text/plain; charset=us-ascii

See the file of ${subject}.

--part
Content-Type: application/octet-stream; name="figures.bin"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="figures.bin"

${Buffer.from(`The figures of ${subject}, in columns.\n`).toString('base64')}

--part--
`

t.test('refused mail is named with its reason, and questions are counted', { skip }, async (t) => {
  const directory = openDirectory(t)
  const folder = join(directory, 'folder')
  mkdirSync(join(folder, 'below'), { recursive: true })
  for (let day = 1; day <= DAYS; day++) {
    writeFileSync(join(folder, `${day}`), note(`day ${day}`))
    writeFileSync(join(folder, 'below', `${day}`), withFile(`day ${day}, later`))
  }
  writeFileSync(join(folder, 'nested'), inMultiparts(30))
  writeFileSync(join(folder, 'virus'), `${note('no day')}${EICAR}\n`)
  const box = join(directory, 'box')
  const days = ['friday', 'sunday']
  writeFileSync(
    box,
    days.map((day) => `From ann Fri Nov 20 08:00:00 2026\n${note(day)}\n`).join(''),
  )

  const { code, out } = await bench(['--quick', '--rounds', '2', '--out', directory, folder, box])
  t.equal(code, 0, out)
  t.match(out, '84 mails of ')
  t.match(out, /^refused 1 \(1\.19 %\), deferred 0 \(0\.00 %\); infected 1; odd: /m)
  t.match(out, /^refused 1: nested-too-deep: .*inside one another.*\n {2}.*\/folder\/nested$/m)

  const { measured } = JSON.parse(readFileSync(join(directory, 'ordinary.json'), 'utf8'))
  t.strictSame(
    measured.map((round: unknown[]) => round.length),
    [83, 83],
  )
  for (const { name, default: byDefault, never } of measured.flat()) {
    t.equal(byDefault.questions, name.includes('/below/') ? 2 : 1, name)
    t.equal(never.questions, 1, name)
    for (const { decision, ms, onescand, clamd } of [byDefault, never]) {
      t.equal(decision, 'accepted')
      t.ok(ms > 0 && onescand > 0 && clamd > 0)
    }
  }
  const number = '[\\d.]+'
  const times = `${number} \\| ${number} \\| ${number} \\|$`
  t.match(out, new RegExp(`^\\| 83 accepted, default \\| 1\\.48, 1, 2 \\| ${times}`, 'm'))
  t.match(out, new RegExp(`^\\| 83 accepted, never \\| 1\\.00, 1, 1 \\| ${times}`, 'm'))
  const ratio = `${number} \\(${number} to ${number}\\)`
  const ratios = `${ratio} \\| ${ratio} \\| ${ratio} \\|$`
  t.match(out, new RegExp(`^\\| 83 accepted, default over never \\|  \\| ${ratios}`, 'm'))
  t.match(out, '| without the dearest 1, default |')
})

t.test('messages come as qmail-smtpd passes them on, from folders and mboxes', async (t) => {
  const directory = openDirectory(t)
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text, 'latin1')
    return join(directory, name)
  }
  const read = (place: string, keepFrom = false) =>
    mailsIn(place, keepFrom).map(({ name, read }) => {
      const [received, by, ...lines] = read().toString('latin1').split('\n')
      t.match(received, /^Received: from /)
      t.match(by, /^ {2}by /)
      return [name.slice(directory.length + 1), lines.join('\n')]
    })
  const marked = file('marked', 'From a@example.org today\r\nSubject: a\r\n\r\n\xe9\r\n')
  t.same(read(marked), [['marked#1', 'Subject: a\n\n\xe9\n']])
  t.same(read(directory), [['marked', 'Subject: a\n\n\xe9\n']])
  t.same(read(directory, true), [['marked', 'From a@example.org today\nSubject: a\n\n\xe9\n']])

  const plain = file('plain', 'Subject: b\n\n>From here\n\nFrom there\n')
  t.same(read(plain), [['plain', 'Subject: b\n\n>From here\n\nFrom there\n']])

  const box = file(
    'box',
    'From a\nSubject: c\n\n>From c\n>From d\n>>From e\n> From f\n\nFrom b\nSubject: g\n\n\nFrom c\n\nh',
  )
  t.same(read(box), [
    ['box#1', 'Subject: c\n\nFrom c\nFrom d\n>From e\n> From f\n'],
    ['box#2', 'Subject: g\n\n'],
    ['box#3', '\nh'],
  ])
  t.same(read(box, true)[1], ['box#2', 'From b\nSubject: g\n\n'])
})
