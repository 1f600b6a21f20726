import * as crypto from 'node:crypto'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { judgeByRules } from '../../src/judge/by-rule.ts'
import type { SingleDecision } from '../../src/judge/decision.ts'
import { readScanningPolicy } from '../../src/judge/policy.ts'
import type { Tools } from '../../src/judge/tools.ts'
import { makeEnvelope } from '../../src/message/envelope/envelope.ts'
import { editHeader } from '../../src/message/header-block.ts'
import { messageOf } from '../../src/message/intake.ts'
import { Rules } from '../../src/rules/match.ts'
import { parseRules } from '../../src/rules/parse.ts'
import { clean, infected, type Scanner, unknown } from '../../src/scan/shared/scanner.ts'
import { keyring } from '../second-reader/stamped.ts'

/** Exceptions by the SHA-256 of a file (`sha256=... allow`): which mail they let in. */

const bad = 'BAD tool of ours'
/** A file that only a digest of the whole finds. */
const hashed = 'another tool of ours, seven'
const sha256 = (text: string) => crypto.createHash('sha256').update(text, 'latin1').digest('hex')
const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64')

/** Milliseconds that each scan was given. */
let given: number[] = []

/** A scanner that opens base64, as clamd does, and finds BAD, WORSE and BANNED anywhere. */
const scanner: Scanner = {
  name: 'clamd',
  local: false,
  async scan(sample, { timeLeft }) {
    given.push(timeLeft())
    const text = Buffer.concat([...sample.chunks()].map((chunk) => Buffer.from(chunk))).toString('latin1') // biome-ignore format: a line
    if (text === hashed) return infected('Bad')
    const opened = text.replace(/[A-Za-z0-9+/]{8,}={0,2}/g, (word) => word + Buffer.from(word, 'base64').toString('latin1')) // biome-ignore format: a line
    if (opened.includes('UNKNOWN')) return unknown('cannot tell')
    if (opened.includes('WORSE')) return infected('Worse')
    if (opened.includes('BANNED')) return { ...infected('Bad'), banned: true }
    return opened.includes('BAD') ? infected('Bad') : clean
  },
}

const attached = (content: string, more = 'Content-Transfer-Encoding: base64\n') =>
  `--b\nContent-Type: application/octet-stream\n${more}\n${content}\n`
const mail = (...parts: readonly string[]) =>
  `From: a@example.org\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nHello\n${parts.join('')}--b--\n`

async function judgeBy(
  text: string | Buffer,
  lines: string,
  settings: Readonly<Record<string, string>> = {},
  bounceInjector = false,
): Promise<{ decision: SingleDecision; out: Buffer }> {
  given = []
  const policy = readScanningPolicy({ QHPSI: 'plugin: clamd', REJECTVIRUS: '1', ...settings })!
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
  const message = messageOf(bytes, {
    policy: policy.spool,
    digestsFor: () => ({ md5: false, sha256: true }),
    createHash: crypto.createHash,
  })
  const tools: Tools = {
    scanners: [scanner],
    crypto,
    signatureFiles: () => undefined,
    now: Date.now,
    uptime: () => given.length * 100, // each scan takes as long
  }
  const client = { relay: false, clusterPeer: false, bounceInjector }
  const envelope = makeEnvelope(Buffer.from('a@example.org'), [Buffer.from('b@example.org')])
  const rules = new Rules('file', parseRules(lines, 'file'))
  const decision = await judgeByRules({ message, envelope, client }, rules, () => ({ policy, tools }), 'once') // biome-ignore format: a line
  if (decision.kind === 'split') throw new Error('one recipient has one answer')
  const edited = decision.kind === 'accept' ? editHeader(message.header, decision.edits) : bytes
  return { decision, out: Buffer.concat([edited, bytes.subarray(message.header.length)]) }
}

const allow = `sha256=${sha256(bad)} allow\n`

t.test(
  'an exception lets an infected file in by its digest; the tag and the log tell of it',
  async (t) => {
    const { decision } = await judgeBy(mail(attached(base64(bad)), attached(base64('fine'))), allow)
    t.match(decision, { kind: 'accept', findings: { virus: 'Bad', allowed: 1 } })
    t.match((await judgeBy(mail(attached(base64(bad))), `signature=Other,${allow}`)).decision, {
      kind: 'reject',
    })
  },
)

t.test('an excepted file may be attached more than once', async (t) => {
  const copy = attached(base64(bad))
  const copies = [copy, attached(base64('fine')), copy, copy]
  t.match((await judgeBy(mail(...copies), allow)).decision, {
    kind: 'accept',
    findings: { virus: 'Bad', allowed: 1 },
  })
  const others: Readonly<Record<string, string>> = {
    'beside another file': attached(base64('BAD too')),
    'in an attached mail': attached(`Subject: x\n\n${base64(bad)}`, ''),
    'with a line that only some decode': attached(`*${base64('WORSE')}\n${base64(bad)}`),
  }
  for (const [where, other] of Object.entries(others)) {
    t.equal((await judgeBy(mail(copy, copy, other), allow)).decision.kind, 'reject', where)
  }
})

t.test('an exception for a file in an archive needs the digest of the archive', async (t) => {
  const archive = `PK tools.exe ${base64(bad)} end`
  const text = mail(attached(base64(archive)))
  const { decision: byMember } = await judgeBy(text, `sha256=${sha256(bad)} allow`)
  t.match(byMember, { kind: 'reject', findings: { virus: 'Bad', allowed: undefined } })
  const { decision: byArchive } = await judgeBy(text, `sha256=${sha256(archive)} allow`)
  t.match(byArchive, { kind: 'accept', findings: { virus: 'Bad', allowed: 1 } })
})

t.test('a virus outside of the excepted file keeps the message out', async (t) => {
  const twoWays = `${base64(bad)}\n\n${base64('WORSE')}`
  const elsewhere: Readonly<Record<string, string>> = {
    'in another file': mail(attached(base64(bad)), attached(base64('WORSE'))),
    'in the same way in another file': mail(attached(base64(bad)), attached(base64('BAD too'))),
    'in text': mail(attached(base64(bad)), attached('WORSE', '')),
    'in a header': `X-Odd: WORSE\n${mail(attached(base64(bad)))}`,
    'in a preamble': mail(attached(base64(bad))).replace('\n\n--b', '\n\nBAD\n--b'),
    'behind padding in the same part': mail(attached(twoWays)),
    'behind a delimiter that some readers see': mail(attached(`${base64(bad)}\n--b x\n\nWORSE`)),
    'in an attached mail': mail(attached(`Subject: x\n\n${bad}`, '').replace('application/octet-stream', 'message/rfc822')), // biome-ignore format: a line
    'in what no scanner can tell of': mail(attached(base64(bad)), attached(base64('UNKNOWN'))),
  }
  for (const [where, text] of Object.entries(elsewhere)) {
    const { decision } = await judgeBy(text, allow, { SCANFAIL: 'accept' })
    t.notMatch(decision.findings, { allowed: 1 }, where)
    if (!where.includes('tell')) t.equal(decision.kind, 'reject', where)
  }
})

t.test(
  'a message that an exception let in has no stamp: hosts without the exception scan and refuse it',
  async (t) => {
    const CLUSTERKEYS = join(t.testdir({ keys: keyring }), 'keys')
    chmodSync(CLUSTERKEYS, 0o600)
    const own = 'signature=Bad,from=example.org allow\n'
    for (const exception of [allow, own]) {
      const here = await judgeBy(mail(attached(base64(bad))), exception, { CLUSTERKEYS })
      t.match(here.decision, { kind: 'accept', findings: { allowed: 1 } })
      t.notMatch(here.out.toString('latin1'), /-Cluster-/, 'nothing is vouched for')
      const there = await judgeBy(here.out, 'to=other.org scan off\n', { CLUSTERKEYS })
      t.match(there.decision, { kind: 'reject', findings: { virus: 'Bad' } })
    }
    const fine = await judgeBy(mail(attached(base64('fine'))), allow, { CLUSTERKEYS })
    t.match(fine.out.toString('latin1'), /-Cluster-/, 'other mail has its stamp')
  },
)

t.test('an exception by digest lets no banned file in', async (t) => {
  const tool = 'BANNED tool of ours'
  const exception = `sha256=${sha256(tool)} allow\n`
  const { decision } = await judgeBy(mail(attached(base64(tool))), exception)
  t.match(decision, { kind: 'reject', findings: { banned: 'Bad' } })
})

t.test('a second scan is made only if a digest could let the message in', async (t) => {
  const once = async (text: string, lines: string, others = 'to=other.org scan off\n') => {
    await judgeBy(text, others)
    const without = given.length
    await judgeBy(text, lines)
    return given.length === without
  }
  const found = mail(attached(base64(bad)))
  t.equal(await once(found, allow), false, 'by this line it could')
  t.equal(await once(mail(attached(base64('fine'))), allow), true, 'nothing was found')
  t.equal(await once(found, `signature=Other,${allow}`), true, 'something else was found')
  const named = 'signature=Bad allow\n'
  t.equal(await once(found, `${named}${allow}`, named), true, 'its name lets it in')
  t.equal(await once(mail(attached(base64('UNKNOWN'))), allow), true, 'nobody could tell')
})

t.test('the scan with and the scan without the file share the time of one', async (t) => {
  await judgeBy(mail(attached(base64(bad))), allow, { SCANTIMEOUT: '10' })
  t.ok(given.length > 2, `${given.length} scans`)
  const left = given.map((_, n) => 10_000 - n * 100)
  t.same(given, left, 'each has what those before it have left')
})

t.test(
  'STRICTMIME keeps strange mail out even with an excepted file, unless it is a bounce',
  async (t) => {
    const odd = attached('text', 'Content-Transfer-Encoding: odd\n')
    const strange = mail(attached(base64(bad)), odd)
    for (const [STRICTMIME, isBounce, isIn] of [
      ['off', false, true],
      ['refuse', false, false],
      ['refuse', true, true],
    ] as const) {
      const settings = { SECONDLOOK: 'never', STRICTMIME, REJECTVIRUS: isBounce ? '0' : '1' }
      const { decision } = await judgeBy(strange, allow, settings, isBounce)
      t.equal(decision.findings.allowed, isIn ? 1 : undefined, `${STRICTMIME} ${isBounce}`)
    }
  },
)

t.test('what readers skip inside of the encoded file is scanned, whatever it is in', async (t) => {
  const exact = `sha256=${sha256(hashed)} allow\n`
  const isIn = async (encoded: string) =>
    (await judgeBy(mail(attached(encoded)), exact)).decision.kind === 'accept'
  t.equal(await isIn(base64(hashed)), true)
  for (const hidden of ['WORSE', 'UNKNOWN']) {
    t.equal(await isIn(`*${hidden}\n${base64(hashed)}`), false, 'a line that only some decode')
    t.equal(await isIn(base64(hashed).replace(/=*$/, `\0${hidden}$&`)), false, 'behind a NUL')
    t.equal(await isIn(`${base64(hashed)}\n${hidden}\n`), false, 'behind the padding')
  }
})
