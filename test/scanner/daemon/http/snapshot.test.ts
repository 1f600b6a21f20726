import t from 'tap'
import { logLine } from '../../../../src/base/log/line-format.ts'
import { makeEnvelope } from '../../../../src/mail/message/envelope.ts'
import { showDecision } from '../../../../src/scanner/daemon/http/snapshot.ts'
import { recipientLines } from '../../../../src/scanner/log/message-lines.ts'
import { fieldsIn } from '../../../../src/scanner/log/parsed-line.ts'
import { History } from '../../../../src/scanner/observe/live/history.ts'

/** Decisions as the page of onescand --http-hide-addresses shows them. */

const show = (line: string) => showDecision({ number: 1, time: 0, line }, true)
const shown = (key: string, value: string) => {
  const line = logLine([['decision', 'accept'], [key, value]]).toString('latin1').trimEnd() // biome-ignore format: pairs
  const { fields, line: whole } = show(line)
  t.ok(whole.includes(fields[key] ?? ''), 'the line shows no more than the fields')
  return fields[key]
}

t.test('no text of another server brings an address to the page', async (t) => {
  for (const address of [
    'ann@example.org',
    '"ann lee"@example.org',
    'ann@[192.0.2.7]',
    'ann lee @ example.org',
    'ann(x)@example.org',
    'ann\xe9@example.org',
    `${'x'.repeat(330)}@example.org`,
    'a:b;ann@example.org',
    'ann at example.org',
    'ann=40example.org',
    'ann\xef\xbc\xa0example.org',
    'ann',
  ]) {
    for (const key of ['next', 'reason']) {
      const text = shown(key, `550 5.1.1 <${address}>: unknown in the table`)
      t.equal(text, '550 5.1.1 (hidden)', address)
      if (!address.includes('@')) continue
      t.equal(shown(key, `greets with 421 ${address}`), '(hidden)')
    }
  }
})

t.test('addresses are hidden in every field', async (t) => {
  for (const key of ['from', 'to', 'remote', 'rcpt']) {
    t.equal(shown(key, '<"ann lee">'), '(hidden)')
    t.match(show(`onescan: ${key}="a b" size=1`).line, `onescan: ${key}=(hidden) size=1`)
  }
  const text = 'of <ann.lee+x@mail.example.org>, (bob@example.net)'
  t.equal(shown('virus', text), 'of <(hidden)>, ((hidden))')
  t.match(showDecision({ number: 1, time: 0, line: 'onescan: from=<a@b>' }, false), {
    fields: { from: '<a@b>' },
    line: 'onescan: from=<a@b>',
  })
})

// promise: page-addresses
t.test('no Message-ID brings a hidden address to the page', async (t) => {
  for (const id of ['x to=', 'x from="', 'x to=\\', 'a"b from=', '\\" to=" rcpt="', 'x\t to="']) {
    const addresses = [['from', '<a=secret"x @example.org>'], ['to', '<b=hidden=c@example.org>']] as const // biome-ignore format: pairs
    const line = logLine([['decision', 'accept'], ['msgid', id], ...addresses, ['rcpts', 1]]) // biome-ignore format: pairs
    const { fields, line: whole } = show(line.toString('latin1').trimEnd())
    t.notMatch(JSON.stringify({ fields, whole }), /secret|hidden[^)]/)
    t.match(whole, / from=\(hidden\) to=\(hidden\) rcpts=1$/)
  }
})

t.test('no name of an attachment brings an address to the page', async (t) => {
  for (const name of [
    'ann@example.org',
    'ann(x)@example',
    'ann at example.org',
    '10.5.5.5',
    'ann',
  ]) {
    t.equal(shown('banned', `${name}.exe`), '(hidden).exe', name)
  }
  t.equal(shown('banned', 'a name without an ending'), '(hidden)')
})

t.test('no text of another server brings the address of a client to the page', async (t) => {
  for (const address of ['192.0.2.7', '2001:db8::7', '::ffff:192.0.2.7', '2001:db8:0:1:2:3:4:5']) {
    t.equal(shown('next', `554 5.7.1 Client host [${address}] blocked`), '554 5.7.1 (hidden)')
    t.equal(shown('next', `refuses [${address}]`), 'refuses [(hidden)]')
  }
})

t.test('text that is not an address stays', async (t) => {
  t.equal(
    shown('reason', 'clamd: no answer in 30 s (see clamd.conf 0.103.11)'),
    'clamd: no answer in 30 s (see clamd.conf 0.103.11)',
  )
  t.equal(shown('next', 'connection refused'), 'connection refused')
  t.equal(shown('msgid', '<1@example.org>'), '<1@example.org>')
})

t.test('lines that name the recipients of a message do not come to the page', async (t) => {
  const envelope = makeEnvelope(Buffer.from(''), [Buffer.from('ann@example.org')])
  for (const what of ['answered', 'quarantined']) {
    const [written] = recipientLines([[what, 'recipients']], envelope.recipients, 64)
    const line = written!.toString('latin1').trimEnd()
    t.match(line, /rcpt=<ann@example\.org>/)
    const history = new History()
    const fields = new Map([...fieldsIn(line)].map(({ key, value }) => [key, value]))
    t.equal(history.add(line, fields, 0), undefined)
    t.same(history.decided, [])
    t.notMatch(show(line).line, /ann/, 'and if one came, it would be hidden')
  }
})
