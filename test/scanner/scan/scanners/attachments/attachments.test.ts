import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { attachmentsScanner } from '../../../../../src/scanner/scan/scanners/attachments/attachments.ts'
import { clamdSettings, sample } from '../clamd/task.ts'
import { disposed, mixed, searched, text } from './mail.ts'

type Settings = Record<string, string>

/** The result and the notes for a message under these settings. */
async function scan(message: string | Buffer, settings: Settings) {
  const bytes = Buffer.from(message as string, 'latin1')
  return searched(sample(bytes), clamdSettings('/nowhere', settings))
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
  const banned = { answer: 'infected', name: 'attachment a.exe', isBanned: true }
  t.strictSame(result, { ...banned, scanner: 'attachments' })
  const other = await scan(mixed('b', text, disposed('attachment; filename="a.txt"')), settings)
  t.match(other, { result: { answer: 'clean' }, notes: [] })
})

t.test('BADATTACHMENTS can hold names, which need no plugin in QHPSI', async (t) => {
  const settings = { BADATTACHMENTS: '*.exe "??? bill.*"' }
  for (const name of ['A.EXE', 'the bill.doc']) {
    const { result } = await scan(mixed('b', text, disposed(`attachment; filename="${name}"`)), settings) // biome-ignore format: a line
    t.match(result, { answer: 'infected', isBanned: true }, name)
  }
  const other = mixed('b', text, disposed('attachment; filename="bill.doc"'))
  t.match(await scan(other, settings), { result: { answer: 'clean' } })
  t.same(clamdSettings('/nowhere', settings).QHPSI, { kind: 'plugins', names: ['attachments', 'clamd'] }) // biome-ignore format: a line
  const command = { ...settings, QHPSI: '/usr/bin/clamdscan %s' }
  t.throws(() => clamdSettings('/nowhere', command), {
    message: /cannot be used while QHPSI is a command/,
  })
  for (const BADATTACHMENTS of ['rules', '*.exe rules', ' ', 'control/bad']) {
    const message = /^BADATTACHMENTS=".*": must be an absolute path, or names with \* or \?/
    t.throws(() => clamdSettings('/nowhere', { BADATTACHMENTS }), { kind: 'config', message })
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
    t.match(result, { answer: 'infected', isBanned: true })
    t.match(result.answer === 'infected' && result.name, /^attachment [ -~]{1,80}$/)
  }
})

t.test('mail over a limit was not read to its end, unless a banned name was read', async (t) => {
  const settings = rulesIn(t.testdir({ rules: 'name *.exe\n' }))
  const full = disposed(`attachment${'; name=y'.repeat(101)}`)
  const reason = 'attachments: a field with more than 100 names'
  const limit = 'the limits of attachments'
  t.strictSame(await scan(full, settings), {
    result: { answer: 'unread', kind: 'contents', reason, limit },
    notes: [],
  })
  const banned = mixed('b', full, disposed('attachment; filename="a.exe"'))
  t.match(await scan(banned, settings), { result: { answer: 'infected' } })
})

t.test('the rules of the file are names, types and content, one a line', async (t) => {
  const rules =
    '# what we ban\n\nname *.EXE\r\nname  invoice ??.doc  \ntype audio/*\ncontent executable\n'
  const settings = rulesIn(t.testdir({ rules }))
  const named = (name: string) => disposed(`attachment; filename="${name}"`)
  const outcomes = {
    'attachment a.exe': named('a.exe'),
    'attachment INVOICE 01.doc': named('INVOICE 01.doc'),
    'attachment type audio/ogg': 'Content-Type: audio/ogg\n\nx\n',
    'attachment content executable': 'Content-Type: x/y\n\nMZ\0\0\n',
  }
  for (const [name, message] of Object.entries(outcomes)) {
    t.match(await scan(message, settings), { result: { answer: 'infected', name } })
  }
  for (const message of [
    named('invoice 1.doc'),
    named('a.exe.txt'),
    'Content-Type: video/ogg\n\nx\n',
  ]) {
    t.match(await scan(message, settings), { result: { answer: 'clean' } }, message)
  }
  const names = rulesIn(t.testdir({ rules: 'name *.exe' }))
  t.match(await scan(outcomes['attachment content executable'], names), {
    result: { answer: 'clean' },
  })
})

t.test('a file without usable rules is a fault, and nothing is clean by it', async (t) => {
  const directory = t.testdir({ directory: {} })
  const faults: Record<string, RegExp> = {
    missing: /^BADATTACHMENTS .*: cannot be read \(/,
    directory: /cannot be read \(.*directory is not a regular file\)/,
  }
  for (const [n, text] of ['', '\n', '# name *.exe\n'].entries()) {
    writeFileSync(join(directory, `empty-${n}`), text)
    faults[`empty-${n}`] = /^BADATTACHMENTS .*: contains no rule/
  }
  const lines = [
    '*.exe',
    'name',
    'name ',
    'names *.exe',
    'content program',
    ' # comment',
    'name *.ex\xe4',
  ]
  for (const [n, line] of lines.entries()) {
    writeFileSync(join(directory, `wrong-${n}`), `name *.exe\n${line}\n`, 'latin1')
    faults[`wrong-${n}`] = /^BADATTACHMENTS .*: line 2 must be /
  }
  for (const [name, message] of Object.entries(faults)) {
    const settings = clamdSettings('/nowhere', { BADATTACHMENTS: join(directory, name) })
    await t.rejects(attachmentsScanner(settings).prepare!(), { kind: 'config', message }, name)
    await t.rejects(
      searched(sample(Buffer.from(text)), settings),
      { kind: 'config', message },
      name,
    )
  }
})

t.test('there is no answer after the caller has stopped waiting', async (t) => {
  const scanSettings = clamdSettings('/nowhere', rulesIn(t.testdir({ rules: 'name *.exe\n' })))
  const message = sample(Buffer.from(mixed('b', text, disposed('attachment; filename=a'))))
  const { result } = await searched(message, scanSettings, AbortSignal.abort())
  t.match(result, { answer: 'unknown', isUnfinished: true })
})
