import t from 'tap'
import { limits } from '../../../../src/mail/mime/budget/limits.ts'
import { readScanningConfig } from '../../../../src/scanner/scan/judge/context/judge-config.ts'
import { attachmentsScanner } from '../../../../src/scanner/scan/scanners/attachments/attachments.ts'
import type {
  ContentScanner,
  Sample,
  Scanner,
} from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import {
  clean,
  infected,
  unknown,
} from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { BASE64, multipart, part } from '../scanners/evasions/compose.ts'
import { hostVerdicts } from '../verdicts/rig.ts'
import { judgeByLines, NOW, type Setup as StageSetup } from './judge-mail.ts'

/** What policy excuses never ends a scan: the worst finding that nobody excused decides. */

const PUA = 'PUA.Packed'
const textOf = ({ bytes }: Sample) => bytes.gather().toString('latin1')

/** Opens base64, as clamd does, and names the first of these words in what it gets. */
function clamdLike({ scansTogether = false } = {}): ContentScanner {
  const scanTogether = async (samples: readonly Sample[]) => {
    for (const each of samples) {
      const opened = textOf(each).replace(/[A-Za-z0-9+/]{16,}={0,2}/g, (word) =>
        Buffer.from(word, 'base64').toString('latin1'),
      )
      const found = /PUA\.Packed|Heuristics\.OLE2\.ContainsMacros|Eicar|TROUBLE/.exec(opened)?.[0]
      if (found === 'TROUBLE') return unknown('unknown')
      if (found !== undefined) return infected(found)
    }
    return clean
  }
  return {
    name: 'clamd',
    hasBans: false,
    scan: (sample) => scanTogether([sample]),
    ...(scansTogether && { scanTogether }),
  }
}

const base64 = (text: string) => Buffer.from(text, 'latin1').toString('base64')
const encoded = (text: string, name = 'a.bin') =>
  part([`Content-Type: application/octet-stream; name=${name}`, BASE64], text)
const attached = (content: string, name?: string) => encoded(base64(content), name)
const mail = (...parts: readonly string[]) =>
  `From: a@example.org\nMIME-Version: 1.0\n${multipart('mixed', ['\nHello', ...parts], { boundary: 'b' })}`

const pua = attached(`a packed program: ${PUA}`)
const eicar = attached('a virus, which is Eicar')
const trouble = attached('some TROUBLE for scanners')

interface Setup extends Pick<StageSetup, 'settings' | 'recipients' | 'tools'> {
  readonly lines?: string
  readonly scanner?: Scanner
}

async function judgeBy(text: string, { lines = '', scanner = clamdLike(), ...setup }: Setup) {
  const settings = { QHPSI: 'plugin: clamd', REJECTVIRUS: '1', ...setup.settings }
  const isSearched = settings.QHPSI.includes('attachments')
  const searched = isSearched ? [attachmentsScanner(readScanningConfig(settings)!.settings)] : []
  const stage = { ...setup, settings, scanners: [...searched, scanner] }
  return (await judgeByLines(lines, text, stage)).decision
}

const forwarded = (text: string) => {
  const other = text.replace('boundary="b"', 'boundary="c"').replace(/^--b/gm, '--c')
  return part(['Content-Type: message/rfc822'], other)
}
const tool = base64('a tool of some kilobytes')
/** A virus where no reader of mail looks, above or below something that is excused. */
const inNoContent = {
  header: `X-Y: Eicar\n${mail(pua)}`,
  preamble: mail(pua).replace('\n\n--b', '\n\nEicar\n--b'),
  epilogue: `${mail(pua)}Eicar\n`,
  'epilogue below a copy': `${mail(pua, pua)}Eicar\n`,
  'line that decoders skip': mail(pua, encoded(`*Eicar\n${tool}`)),
  'text behind a NUL': mail(pua, encoded(`${tool.slice(0, 20)}\0Eicar\n${tool.slice(20)}`)),
  'text behind the padding': mail(pua, encoded(`${tool}\nEicar`)),
}

const tagOnly = { FINDINGS: 'PUA.*=tag' }
const excuses: Readonly<Record<string, Pick<Setup, 'settings' | 'lines'>>> = {
  'a pattern of FINDINGS': { settings: tagOnly },
  'an exception for its signature': { lines: 'signature=PUA.* allow\n' },
  'a setting that accepts the property': { settings: { FINDINGS: 'unwanted=accept' } },
  'a setting that tags the property': { settings: { FINDINGS: 'unwanted=tag' } },
}

for (const [excuse, setup] of Object.entries(excuses)) {
  for (const when of ['always', 'never']) {
    t.test(`${excuse} does not hide a virus that follows it, SECONDLOOK=${when}`, async (t) => {
      const judgeWith = (text: string, scanner = clamdLike()) => {
        const settings = { ...setup.settings, SECONDLOOK: when }
        return judgeBy(text, { ...setup, settings, scanner })
      }
      const refused = { kind: 'reject', details: { scan: 'infected', virus: 'Eicar' } }
      t.match(await judgeWith(mail(pua, eicar)), refused)
      t.match(await judgeWith(mail(eicar, pua)), refused)
      t.match(await judgeWith(mail(pua, eicar), clamdLike({ scansTogether: true })), refused)
      for (const [place, text] of Object.entries(inNoContent)) {
        t.match(await judgeWith(text), refused, place)
        t.match(await judgeWith(mail(pua, forwarded(text))), refused, `${place} of a forward`)
      }
      t.match(await judgeWith(mail(pua, forwarded(mail(pua)))), { kind: 'accept' })
      t.match(await judgeWith(mail(pua, trouble)), { kind: 'defer', details: { scan: 'unknown' } })
      const excused = { kind: 'accept', details: { scan: 'infected', virus: PUA } }
      t.match(await judgeWith(mail(pua)), excused)
      t.match(await judgeWith(mail(pua), clamdLike({ scansTogether: true })), excused)
      t.match(await judgeWith(mail()), { kind: 'accept', details: { scan: 'clean' } })
    })
  }
}

t.test('malware that FINDINGS keeps out is kept out, whatever follows it', async (t) => {
  const lenient = { SCANFAIL: 'accept', UNREAD: 'accept', QUARANTINE: t.testdir() }
  for (const [action, kind] of [
    ['refuse', 'reject'],
    ['defer', 'defer'],
    ['quarantine', 'quarantine'],
  ] as const) {
    for (const when of ['always', 'never']) {
      const settings = { ...lenient, FINDINGS: `Eicar=${action}`, SECONDLOOK: when }
      const decision = await judgeBy(mail(eicar, trouble), { settings })
      t.match(decision, { kind, details: { scan: 'infected', virus: 'Eicar' } }, action)
    }
  }
})

t.test('the strictest setting of several properties decides', async (t) => {
  const macros = attached('a letter with Heuristics.OLE2.ContainsMacros', 'a.doc')
  const secret = encoded(base64('\xc1\x05\x03 key\xd2\x05\x01data'), 'a.pgp')
  const settings = {
    FINDINGS: 'unwanted=tag macros=refuse encrypted=quarantine',
    QUARANTINE: t.testdir(),
  }
  const judgeWith = (...parts: readonly string[]) => judgeBy(mail(...parts), { settings })
  for (const parts of [
    [pua, macros, secret],
    [secret, macros, pua],
    [macros, secret],
  ]) {
    t.match(await judgeWith(...parts), { kind: 'reject', reply: { grounds: 'macros' } })
  }
  t.match(await judgeWith(pua, secret), { kind: 'quarantine', grounds: 'encrypted' })
  t.match(await judgeWith(secret, pua), { kind: 'quarantine', grounds: 'encrypted' })
  t.match(await judgeWith(secret, macros, eicar), { kind: 'reject', reply: { grounds: 'virus' } })
  t.match(await judgeWith(secret, trouble), { kind: 'defer', details: { scan: 'unknown' } })
  // The stricter one does not take away that the milder one may hide a virus.
  const inEpilogue = `${mail(secret, pua)}Eicar\n`
  t.match(await judgeBy(inEpilogue, { settings }), { reply: { grounds: 'virus' } })
})

t.test('a property keeps mail out even where unscanned mail is accepted', async (t) => {
  const macros = attached('a letter with Heuristics.OLE2.ContainsMacros', 'a.doc')
  const secret = encoded(base64('\xc1\x05\x03 key\xd2\x05\x01data'), 'a.pgp')
  const lenient = { SCANFAIL: 'accept', QUARANTINE: t.testdir() }
  for (const when of ['always', 'never']) {
    const judgeWith = (FINDINGS: string, ...parts: readonly string[]) =>
      judgeBy(mail(...parts), { settings: { ...lenient, FINDINGS, SECONDLOOK: when } })
    const refused = { kind: 'reject', reply: { grounds: 'macros' } }
    t.match(await judgeWith('macros=refuse', macros, trouble), refused)
    const kept = { kind: 'quarantine', grounds: 'macros' }
    t.match(await judgeWith('macros=quarantine', macros, trouble), kept)
    t.match(await judgeWith('encrypted=refuse', secret, trouble), { kind: 'reject' })
    // What only tags it does not hide that the answer is unknown.
    const unscanned = { kind: 'accept', details: { scan: 'unknown' } }
    t.match(await judgeWith('macros=tag', macros, trouble), unscanned)
    t.match(await judgeWith('macros=accept', macros, trouble), unscanned)
  }
})

t.test('a limit that leaves something unscanned takes no excused finding away', async (t) => {
  const nested = part(['Content-Type: message/rfc822'], 'Subject: x\n\nx')
  const settings = { ...tagOnly, UNREAD: 'accept' }
  const text = mail(pua, nested, nested)
  const more = 'Content-Type: message/rfc822\n\n'.repeat(limits.nesting)
  const deep = text.replace('Subject: x\n\nx', `${more}Subject: x\n\nx`)
  t.match(await judgeBy(deep, { settings }), { kind: 'accept', details: { virus: PUA } })
  const both = deep.replace(pua, `${pua}\n--b\n${eicar}`)
  t.match(await judgeBy(both, { settings }), { kind: 'reject' })
})

t.test('a banned attachment that an exception lets in hides nothing', async (t) => {
  const good = attached('a tool', 'good.exe')
  const bad = attached('a tool', 'bad.exe')
  const lines = 'signature=*good.exe allow\n'
  for (const when of ['always', 'never']) {
    const settings = {
      QHPSI: 'plugin: attachments clamd',
      BADATTACHMENTS: '*.exe',
      SECONDLOOK: when,
    }
    const judgeAll = (...parts: readonly string[]) => judgeBy(mail(...parts), { settings, lines })
    const allowed = { kind: 'accept', details: { banned: 'attachment good.exe', allowed: 1 } }
    t.match(await judgeAll(good), allowed)
    t.match(await judgeAll(good, eicar), { kind: 'reject', details: { virus: 'Eicar' } })
    const banned = { kind: 'reject', details: { banned: 'attachment bad.exe' } }
    t.match(await judgeAll(good, bad), banned)
    t.match(await judgeAll(bad, good), banned)
    const two = good.replace('base64\n\n', 'base64\nContent-Disposition: x; filename=bad.exe\n\n')
    t.match(await judgeAll(two), banned)
  }
})

t.test('the exceptions of several recipients each count for what they name', async (t) => {
  const to = ['b@example.org', 'c@example.org']
  const both = 'to=b@example.org,signature=PUA.* allow\nto=b@example.org,signature=Eicar allow\n'
  const all = `${both}to=c@example.org allow\n`
  t.match(await judgeBy(mail(pua, eicar), { lines: all, recipients: to }), { kind: 'accept' })
  const fewer = 'to=b@example.org,signature=PUA.* allow\nto=c@example.org allow\n'
  t.match(await judgeBy(mail(pua, eicar), { lines: fewer, recipients: to }), { kind: 'reject' })
})

t.test('the verdict of a host that excuses nothing does not hide a virus either', async (t) => {
  const verdicts = hostVerdicts({ now: () => NOW })
  const cacheable = { identity: 'clamd', signatures: async () => 'ClamAV 1.4.3/1/' }
  const scan: ContentScanner['scan'] = (sample, task) => {
    task.signatures?.('clamd', 'ClamAV 1.4.3/1/')
    return clamdLike().scan(sample, task)
  }
  const scanner = { ...clamdLike(), cacheable, scan }
  const judgeWith = (text: string, setup: Setup = {}) =>
    judgeBy(text, { ...setup, scanner, tools: { verdicts } })
  const both = mail(pua, eicar)
  t.match(await judgeWith(both), { kind: 'reject', details: { virus: PUA } })
  await new Promise(setImmediate)
  t.match(await judgeWith(both), { details: { scan: 'cached', virus: PUA } })
  for (const setup of Object.values(excuses)) {
    t.match(await judgeWith(both, setup), { kind: 'reject', details: { virus: 'Eicar' } })
  }

  const named = mail(attached('a virus, which is Eicar', 'good.exe'))
  const settings = { QHPSI: 'plugin: attachments clamd', BADATTACHMENTS: '*.exe' }
  const lines = 'signature=*good.exe allow\n'
  for (const scanned of ['infected', 'cached']) {
    const decision = await judgeWith(named, { settings, lines })
    t.match(decision, { kind: 'reject', details: { scan: scanned, virus: 'Eicar' } })
    await new Promise(setImmediate)
  }
})

t.test('an exception names a finding as the log or the clamd interface has it', async (t) => {
  const settings = { QHPSI: 'plugin: attachments clamd', BADATTACHMENTS: '*.exe' }
  const exe = mail(attached('a program', '"a tool.exe"'))
  const kindBy = async (signature: string) =>
    (await judgeBy(exe, { settings, lines: `"signature=${signature}" allow\n` })).kind
  for (const name of [
    'attachment a tool.exe',
    'attachment *.exe',
    'Onescan.banned.attachment_a_tool.exe',
    'Onescan.banned.*',
  ])
    t.equal(await kindBy(name), 'accept', name)
  for (const name of ['attachment', 'a tool.exe', 'Onescan.banned.attachment_b.exe'])
    t.equal(await kindBy(name), 'reject', name)
})
