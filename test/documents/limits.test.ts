import t from 'tap'
import { logLine } from '../../src/base/log/line-format.ts'
import { makeEnvelope } from '../../src/mail/message/envelope.ts'
import { replyText } from '../../src/scanner/doors/slot/error-report.ts'
import { forwardTo } from '../../src/scanner/scan/judge/decision/forward.ts'
import { LineRelay } from '../../src/scanner/scan/scanners/programs/scanner-program.ts'
import { PROTOCOL_LIMITS } from '../../tools/documents/protocol-limits.ts'
import { readMarkdown, rowsBelow } from './markdown-page.ts'

/** Limits in the pages, against what the program does. */

const limits = new Map(
  rowsBelow(readMarkdown(PROTOCOL_LIMITS), '## Messages').map(([what = '', limit = '']) => [
    what,
    limit,
  ]),
)

const KIB = 1024

/** A row of the table as a number of bytes or things. */
function limit(what: string): number {
  const [, digits, unit] = /^([\d,]+)(?: (\S+))?/.exec(limits.get(what) ?? '') ?? []
  return Number(digits?.replaceAll(',', '')) * (unit === 'KiB' ? KIB : 1)
}

t.test('a reply is cut at its limit', async (t) => {
  const reply = { class: 5, enhanced: '5.7.1', text: 'x'.repeat(999), grounds: 'virus' } as const
  t.equal(replyText(reply).length, limit('reply text'))
})

t.test('a log line and its values are cut at their limits', async (t) => {
  const many = Array.from({ length: 5000 }, (_, i) => ['k', i % 10] as const)
  t.ok(logLine(many).length <= limit('log line'))
  t.ok(logLine(many).length > limit('log line') - 10)
  const value = 'x'.repeat(999)
  const longest = 'x'.repeat(limit('value in a log line'))
  t.equal(logLine([['k', value]]).toString(), `onescan: k=${longest}...\n`)
  t.equal(logLine([['k', longest]]).toString(), `onescan: k=${longest}\n`)
})

t.test('X-Quarantine-ID ends before its limit', async (t) => {
  const to = Array.from({ length: 5000 }, () => Buffer.from('somebody@example.org'))
  const envelope = makeEnvelope(Buffer.from('a@example.org'), to)
  const { edits } = forwardTo('virus@example.org', envelope, {
    kind: 'accept',
    edits: { remove: [], add: [] },
    details: { scan: 'infected', reason: '', times: {} },
  })
  const { value = '' } = edits.add[0] ?? {}
  const [listed = ''] = value.split(',\n +')
  t.ok(listed.length <= limit('X-Quarantine-ID'))
  t.ok(listed.length > limit('X-Quarantine-ID') - 50)
  t.match(value, / \+\d+ more$/)
})

t.test('the output of a scanner is shown up to its limit', async (t) => {
  let shown = 0
  const relay = new LineRelay('', (line) => {
    shown += line.length
  })
  const line = Buffer.from(`${'x'.repeat(511)}\n`)
  for (let i = 0; i < 1000; i++) relay.push(line)
  t.ok(Math.abs(shown - limit('standard error of a scanner in the log')) < 2 * KIB, `${shown}`)
})
