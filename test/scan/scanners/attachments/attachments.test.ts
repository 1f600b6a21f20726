import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import t from 'tap'
import { TOP_LINE } from '../../../../src/mail/message/message.ts'
import { ReadBy } from '../../../mail/message/bytes.ts'
import { clamdPolicy, sample } from '../clamd/task.ts'
import { disposed, mixed, searched, text } from './mail.ts'

type Settings = Record<string, string>

/** The result and the notes for a message under these settings. */
async function scan(message: string | Buffer, settings: Settings) {
  const bytes = Buffer.from(message as string, 'latin1')
  return searched(sample(bytes), clamdPolicy('/nowhere', settings))
}

function rulesIn(directory: string): Settings {
  return { BADATTACHMENTS: join(directory, 'rules') }
}

t.test('a banned attachment is refused by name, others are clean', async (t) => {
  const settings = rulesIn(t.testdir({ rules: 'name *.exe\n' }))
  const { result } = await scan(
    mixed('b', text, disposed('attachment; filename="a.exe"')),
    settings,
  )
  const banned = { answer: 'infected', name: 'attachment a.exe', banned: true }
  t.strictSame(result, { ...banned, scanner: 'attachments' })
  const other = await scan(mixed('b', text, disposed('attachment; filename="a.txt"')), settings)
  t.match(other, { result: { answer: 'clean' }, notes: [] })
})

t.test(
  'BADATTACHMENTS can hold names, which are banned although QHPSI does not name the plugin',
  async (t) => {
    const settings = { BADATTACHMENTS: '*.exe "??? bill.*"' }
    for (const name of ['A.EXE', 'the bill.doc']) {
      const { result } = await scan(mixed('b', text, disposed(`attachment; filename="${name}"`)), settings) // biome-ignore format: a line
      t.match(result, { answer: 'infected', banned: true }, name)
    }
    const other = mixed('b', text, disposed('attachment; filename="bill.doc"'))
    t.match(await scan(other, settings), { result: { answer: 'clean' } })
    t.same(clamdPolicy('/nowhere', settings).QHPSI, { kind: 'plugins', names: ['attachments', 'clamd'] }) // biome-ignore format: a line
    const command = { ...settings, QHPSI: '/usr/bin/clamdscan %s' }
    t.throws(() => clamdPolicy('/nowhere', command), { message: /a QHPSI with a command looks for no names/ }) // biome-ignore format: a line
    for (const BADATTACHMENTS of ['rules', '*.exe rules', ' ', 'control/bad']) {
      const message = /^BADATTACHMENTS .*: must be an absolute path, or names with \* or \?/
      t.throws(() => clamdPolicy('/nowhere', { BADATTACHMENTS }), { kind: 'config', message })
    }
  },
)

t.test('a banned name is found wherever a reader of mail sees a name', async (t) => {
  const settings = {
    ...rulesIn(t.testdir({ rules: 'name *.exe\n' })),
    BADMIME: 'accept',
  }
  const part = 'Content-Type: application/x; name="a.exe"\n\nx\n'
  const hidden: Readonly<Record<string, string>> = {
    'uuencode in a text': 'A: b\n\nsee:\nbegin 644 a.exe\n#86)C\n`\nend\n',
    'a file in a calendar': `Content-Type: text/calendar\n\nBEGIN:VCALENDAR\nATTACH;FILE\n NAME=a.exe;VALUE=BINARY:QUJD\n`,
    'a file in a card in base64': `Content-Type: text/x-any\nContent-Transfer-Encoding: base64\n\n${Buffer.from('BEGIN:VCARD\nPHOTO;ENCODING=B;X-FILENAME="a.exe":QUJD\n').toString('base64')}\n`,
    'a part behind the end': `Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n${part}`,
    'fields below a blank line': `A: b\n \n${part}`,
    'a mail in a file': `Content-Type: a/b\nContent-Transfer-Encoding: base64\n\n${Buffer.from(`Subject: x\n${part}`).toString('base64')}\n`,
  }
  for (const [what, message] of Object.entries(hidden)) {
    const { result } = await scan(`${TOP_LINE}${message}`, settings)
    t.match(result, { answer: 'infected', banned: true }, what)
  }
})

t.test('the name is safe in an SMTP reply', async (t) => {
  const settings = rulesIn(t.testdir({ rules: 'name *\n' }))
  for (const name of [
    '\r\n 250 ok\x01\x7f\xff\x1b[2J',
    'r\xc3\xa9sum\xc3\xa9',
    'x'.repeat(5000),
    '=?utf-8?Q?=0D=0A250_ok=E2=80=AE?=',
    '=?utf-8?B?8J+YgPCfmIA=?=',
  ]) {
    const { result } = await scan(disposed(`attachment; filename="${name}"`), settings)
    t.match(result, { answer: 'infected', banned: true })
    t.match(result.answer === 'infected' && result.name, /^attachment [ -~]{1,80}$/)
  }
})

t.test(
  'the answer about mail over a limit is "could not tell", or about what was read',
  async (t) => {
    const defer = rulesIn(t.testdir({ rules: 'name *.exe\n' }))
    const accept = { ...defer, BADMIME: 'accept' }
    const full = disposed(`attachment${'; x=y'.repeat(200)}`)
    const why = 'attachments: a field with more than 100 parameters'
    t.strictSame(await scan(full, defer), {
      result: { answer: 'unknown', why, cause: 'limit' },
      notes: [],
    })
    const passed = await scan(full, accept)
    t.match(passed.result, { answer: 'clean' })
    t.same(passed.notes, [why])
    const banned = mixed('b', full, disposed('attachment; filename="a.exe"'))
    for (const settings of [defer, accept]) {
      t.match(await scan(banned, settings), { result: { answer: 'infected' } })
    }
  },
)

t.test('without rules nothing is clean', async (t) => {
  const directory = t.testdir({ empty: '# nothing\n', wrong: '*.exe\n' })
  for (const name of ['missing', 'empty', 'wrong']) {
    const settings = { BADATTACHMENTS: join(directory, name) }
    const { result } = await scan(text, settings)
    t.match(result, { answer: 'unknown', why: /BADATTACHMENTS / }, name)
  }
})

t.test('if nobody waits any more, there is no answer', async (t) => {
  const policy = clamdPolicy('/nowhere', rulesIn(t.testdir({ rules: 'name *.exe\n' })))
  const message = sample(Buffer.from(mixed('b', text, disposed('attachment; filename=a'))))
  const { result } = await searched(message, policy, AbortSignal.abort())
  t.match(result, { answer: 'unknown', unfinished: true })
})

t.test('memory stays constant, with lines and without', async (t) => {
  const settings = rulesIn(t.testdir({ rules: 'name *.exe\ncontent executable\n' }))
  const policy = clamdPolicy('/nowhere', settings)
  const head = Buffer.from('Content-Type: multipart/mixed; boundary=b\n\n--b\n\n')
  const tail = Buffer.from(`\n--b\n${disposed('attachment; filename="a.exe"')}--b--\n`)
  const COUNT = 480
  setFlagsFromString('--expose-gc')
  const collectGarbage: () => void = runInNewContext('gc')

  for (const filling of ['no line end ', `${'QUJD'.repeat(19)}\n`]) {
    const body = Buffer.alloc(64 * 1024, filling)
    let peak = 0
    const pieces = [head, ...Array<Buffer>(COUNT).fill(body), tail]
    const size = pieces.reduce((sum, { length }) => sum + length, 0)
    const bytes = new ReadBy(size, function* (from, to) {
      let at = 0
      for (const [number, piece] of pieces.entries()) {
        const begin = Math.max(0, from - at)
        const end = Math.min(piece.length, to - at)
        at += piece.length
        if (begin >= end) continue
        yield piece.subarray(begin, end)
        if (number % 40 !== 1) continue
        collectGarbage()
        peak = Math.max(peak, process.memoryUsage().arrayBuffers)
      }
    })
    const { result } = await searched({ ...sample(Buffer.alloc(0)), bytes }, policy)
    t.match(result, { answer: 'infected', name: 'attachment a.exe' })
    t.ok(peak < 20_000_000, `${peak} bytes of ${size}`)
  }
})
