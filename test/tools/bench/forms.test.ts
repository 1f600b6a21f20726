import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { runScript } from '../../../tools/bench/run-script.ts'
import { openDirectory } from '../../programs/host/reachable.ts'
import { clamdMissing } from '../../programs/servers/clamd.ts'

const bench = (...words: readonly string[]) =>
  runScript(join(import.meta.dirname, '../../../tools/bench/forms/run.ts'), words)

const file = (content: string) =>
  `Content-Type: application/x; name=a\nContent-Transfer-Encoding: base64\n\n${content}`
const line = `${'QUJD'.repeat(19)}\n`

const mails: Readonly<Record<string, string>> = {
  text: 'Subject: a\n\nIts text is in the whole message.\n',
  file: `Subject: b\n${file(line)}`,
  blanks: 'Subject: c\nContent-Type: text/html\n\n<p>\n \n\n\n</p>\n',
  semicolons: 'Subject: c\nContent-Type: text/html\n\n<p>\n;\n</p>\n',
  large: `Subject: d\n${file(line.repeat(2_000))}`,
  parallel: `Subject: e\nContent-Type: multipart/parallel; boundary=b\n\n--b\n${file(line)}--b--\n`,
}

t.test('parts are counted by their forms, and others by the reason', async (t) => {
  const folder = join(openDirectory(t), 'folder')
  mkdirSync(folder)
  for (const [name, text] of Object.entries(mails)) writeFileSync(join(folder, name), text)
  const { code, out } = await bench(folder, join(folder, 'text'))
  t.equal(code, 0)
  const rows = [
    '| messages | 6 | 1 |',
    '| messages of which no part is submitted separately | 3 (50.0 %) | 1 (100.0 %) |',
    '| parts | 5 | 0 |',
    '| file base64, no multipart | 1 (20.0 %) | 0 |',
    '| text/html identity, no multipart | 1 (20.0 %) | 0 |',
    '| parts without a form | 3 (60.0 %) | 0 |',
    '| encoded oddly, or a text with a line of semicolons | 1 (20.0 %) | 0 |',
    '| in a message of more than 128 KiB | 1 (20.0 %) | 0 |',
    '| in other multiparts | 1 (20.0 %) | 0 |',
  ]
  for (const row of rows) t.match(out, row)
})

t.test(
  'what a clamd finds is counted for each kind of signature',
  { skip: clamdMissing },
  async (t) => {
    const { code, out } = await bench('--kind', 'YARA')
    t.equal(code, 0, out)
    t.match(out, /^ClamAV .*\n\nscanned with the whole message\n/)
    t.match(out, /^\| text by a YARA rule \| 16 of 16 \| .* \| 48 of 48 \|$/m)
    t.match(out, /^\| 2 kinds \| .* \| 16 of 16 \| 64 of 64 \|$/m)
  },
)
