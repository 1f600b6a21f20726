import * as crypto from 'node:crypto'
import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Fault } from '../../src/ground/errors/fault.ts'
import type { Decision } from '../../src/judge/decision.ts'
import { judge } from '../../src/judge/engine.ts'
import { readScanningPolicy } from '../../src/judge/policy.ts'
import type { Tools } from '../../src/judge/tools.ts'
import type { Client } from '../../src/judge/transaction.ts'
import { makeEnvelope } from '../../src/message/envelope/envelope.ts'
import { messageInMemory } from '../../src/message/in-memory.ts'
import type { QuotaAnswer } from '../../src/quota/ask/quota-answer.ts'
import { clean, infected, over, type Scanner, unknown } from '../../src/scan/shared/scanner.ts'
import type { KnownOrScanned, VerdictQuery, Verdicts } from '../../src/verdicts/verdicts.ts'
import { hmacValue, md5Hex } from '../cluster/independent.ts'
import { key, keyring } from '../second-reader/stamped.ts'

/** The judgement by itself: what was found and what is set, and what becomes of the message. */

const NOW = 1_800_000_000_000
const letter = 'From: a@example.org\nSubject: hello\n\nHello\n'

interface Wishes {
  readonly settings?: Readonly<Record<string, string>>
  readonly scan?: Scanner['scan']
  readonly scanners?: readonly Scanner[]
  readonly client?: Partial<Client>
  readonly sender?: string
  readonly tools?: Partial<Tools>
}

function scannerOf(name: string, scan: Scanner['scan'], local = false): Scanner {
  return { name, local, scan }
}

/** Judges a message, and tells what was done with it meanwhile. */
async function judged(text: string, wishes: Wishes = {}) {
  const { settings, scan = async () => clean, sender = 'a@example.org' } = wishes
  const policy = readScanningPolicy({ QHPSI: 'plugin: clamd', ...settings })!
  const asked: string[] = []
  const scanners = (wishes.scanners ?? [scannerOf('clamd', scan)]).map((scanner): Scanner => {
    const ask: Scanner['scan'] = (sample, task) => {
      if (!sample.whole) asked.push(scanner.name)
      return scanner.scan(sample, task)
    }
    return { ...scanner, scan: ask }
  })
  const held = messageInMemory(Buffer.from(text, 'latin1'), {
    policy: policy.spool,
    digestsFor: () => ({ md5: true, sha256: true }),
    createHash: crypto.createHash,
  })
  let confirmed = 0
  const message = { ...held, confirmFile: () => void confirmed++ }
  const client = { relay: false, clusterPeer: false, bounceInjector: false, ...wishes.client }
  const envelope = makeEnvelope(Buffer.from(sender), [Buffer.from('b@example.org')])
  const decision = await judge({ message, envelope, client }, policy, {
    scanners,
    crypto,
    signatureFiles: () => undefined,
    now: () => NOW,
    uptime: () => performance.now(),
    ...wishes.tools,
  })
  return { decision, asked, confirmed }
}

/** `name value` of the fields that are added, and of those that go `-name`. */
function editsOf(decision: Decision): string[] {
  if (decision.kind !== 'accept') return []
  const { add, remove } = decision.edits
  return [...remove.map((name) => `-${name}`), ...add.map(({ name, value }) => `${name} ${value}`)]
}

const SCANFAIL = { SCANFAIL: 'accept' }
const virus = async () => infected('Eicar')
const banned = async () => ({ ...infected('attachment a.exe'), banned: true as const })
const nobody = async () => unknown('clamd is down', 'unreachable')
const tooLarge = async () => over('size', 'clamd: too large')
const tooDeep = async () => over('depth', 'clamd: too deep')
const tooMuch = async () => over('contents', 'clamd: too much')
const bounce = { bounceInjector: true }
const relay = { relay: true }

type Row = readonly [what: string, wishes: Wishes, expected: object, edits?: readonly string[]]

const tagged = ['-x-qhpsi', 'X-QHPSI virus found']
const untouched = ['-x-qhpsi']
const rows: readonly Row[] = [
  ['clean mail is tagged', {}, { kind: 'accept' }, ['-x-qhpsi', 'X-QHPSI clean']],
  ['a virus is tagged', { scan: virus }, { kind: 'accept' }, tagged],
  [
    'a virus is refused if REJECTVIRUS says so',
    { scan: virus, settings: { REJECTVIRUS: '1' } },
    {
      kind: 'reject',
      reply: { class: 5, enhanced: '5.7.1', text: /virus Eicar/, grounds: 'virus' },
    },
  ],
  [
    'a bounce with a virus is never refused: it would come again for ever',
    { scan: virus, settings: { REJECTVIRUS: '1' }, client: bounce },
    { kind: 'accept' },
    tagged,
  ],
  ['a virus is discarded', { scan: virus, settings: { REJECTVIRUS: '2' } }, { kind: 'discard' }],
  [
    'a virus that is only to be tagged is, whatever REJECTVIRUS says',
    { scan: virus, settings: { REJECTVIRUS: '1', VIRUSTAGONLY: 'PUA.* eic*' } },
    { kind: 'accept' },
    tagged,
  ],
  [
    'a banned attachment has a reply and grounds of its own',
    { scan: banned, settings: { REJECTVIRUS: '1' } },
    { kind: 'reject', reply: { grounds: 'banned', text: /banned attachment a\.exe/ } },
  ],
  [
    'a banned attachment is no virus that may be only tagged',
    { scan: banned, settings: { REJECTVIRUS: '1', VIRUSTAGONLY: '*' } },
    { kind: 'reject', reply: { grounds: 'banned' } },
  ],
  [
    'mail that nobody could scan is deferred',
    { scan: nobody },
    { kind: 'defer', reply: { class: 4, grounds: 'unscanned' }, findings: { scan: 'unknown' } },
  ],
  [
    'or accepted without a tag',
    { scan: nobody, settings: SCANFAIL },
    { kind: 'accept' },
    untouched,
  ],
  [
    'for relay clients a setting of its own decides that',
    { scan: nobody, settings: { SCANFAIL_RELAY: 'accept' }, client: relay },
    { kind: 'accept' },
    untouched,
  ],
  [
    'which says nothing of others',
    { scan: nobody, settings: { SCANFAIL_RELAY: 'accept' } },
    { kind: 'defer' },
  ],
  [
    'over a size limit it counts as not scanned',
    { scan: tooLarge },
    { kind: 'accept', findings: { scan: 'skipped' } },
    untouched,
  ],
  [
    'or as not to be told',
    { scan: tooLarge, settings: { OVERSIZE: 'defer' } },
    { kind: 'defer', findings: { scan: 'unknown', cause: 'limit' } },
  ],
  [
    'what is nested too deep is refused',
    { scan: tooDeep },
    { kind: 'reject', reply: { enhanced: '5.6.0', grounds: 'nested-too-deep' } },
  ],
  [
    'or deferred',
    { scan: tooDeep, settings: { OVERNESTING: 'defer' } },
    { kind: 'defer', reply: { enhanced: '4.6.0', grounds: 'nested-too-deep' } },
  ],
  [
    'but not if it is a bounce',
    { scan: tooDeep, client: bounce },
    { kind: 'accept', findings: { scan: 'skipped' } },
    untouched,
  ],
  [
    'or let in, as not scanned',
    { scan: tooDeep, settings: { OVERNESTING: 'accept' } },
    { kind: 'accept', findings: { scan: 'skipped', why: 'clamd: too deep' } },
    untouched,
  ],
  [
    'what holds too much is refused',
    { scan: tooMuch },
    { kind: 'reject', reply: { grounds: 'too-much-inside', text: /the limits of clamd/ } },
  ],
  [
    'mail below QHPSIMINSIZE is not scanned',
    { settings: { QHPSIMINSIZE: '1000' }, scan: virus },
    { kind: 'accept', findings: { scan: 'skipped', why: /below QHPSIMINSIZE/ } },
    untouched,
  ],
  [
    'nor is mail over QHPSIMAXSIZE',
    { settings: { QHPSIMAXSIZE: '10' }, scan: virus },
    { kind: 'accept', findings: { scan: 'skipped', why: /over QHPSIMAXSIZE/ } },
    untouched,
  ],
  [
    'all recipients being over quota, it is deferred, and nobody scans it',
    {
      scan: virus,
      tools: {
        quota: { timeout: 1000, askForRelayClients: false, ask: async () => ({ answer: 'full' }) },
      },
    },
    { kind: 'defer', reply: { grounds: 'over-quota' } },
  ],
]

for (const [what, wishes, expected, edits] of rows) {
  t.test(what, async (t) => {
    const { decision } = await judged(letter, wishes)
    t.match(decision, expected)
    if (edits) t.same(editsOf(decision), edits)
  })
}

t.test(
  'whether the message is still what was scanned is asked if it is called clean, not else',
  async (t) => {
    t.equal((await judged(letter)).confirmed, 1)
    t.equal((await judged(letter, { scan: virus })).confirmed, 0)
    t.equal((await judged(letter, { scan: nobody, settings: SCANFAIL })).confirmed, 0)
  },
)

t.test('what that finds keeps the message from being accepted', async (t) => {
  const policy = readScanningPolicy({ QHPSI: 'plugin: clamd' })!
  const held = messageInMemory(Buffer.from(letter), {
    policy: policy.spool,
    digestsFor: () => ({ md5: false, sha256: false }),
    createHash: crypto.createHash,
  })
  const confirmFile = () => {
    throw new Error('it was changed')
  }
  const judging = judge(
    {
      message: { ...held, confirmFile },
      envelope: makeEnvelope(Buffer.from('a@example.org'), []),
      client: { relay: false, clusterPeer: false, bounceInjector: false },
    },
    policy,
    {
      scanners: [scannerOf('clamd', async () => clean)],
      crypto,
      signatureFiles: () => undefined,
      now: () => NOW,
      uptime: () => 0,
    },
  )
  await t.rejects(judging, { message: 'it was changed' })
})

t.test('limits of size are themselves scanned', async (t) => {
  const size = `${letter.length}`
  const { asked } = await judged(letter, { settings: { QHPSIMINSIZE: size, QHPSIMAXSIZE: size } })
  t.same(asked, ['clamd'])
})

t.test('nothing is remarked about ordinary mail', async (t) => {
  t.equal((await judged(letter)).decision.findings.why, '')
})

t.test('what cannot be used, and what a scanner notes, are remarks', async (t) => {
  const shared = t.testdir({})
  chmodSync(shared, 0o777)
  const noting: Scanner['scan'] = async (_, { note }) => {
    note('a note')
    return clean
  }
  const { decision } = await judged(letter, { settings: { SPOOLDIR: shared }, scan: noting })
  t.match(decision.findings.why, /^SPOOLDIR .*: not used, mode 0777.*; a note$/)
})

t.test('who has room, is not known or is not asked about, has mail that is scanned', async (t) => {
  const quota = (answer: QuotaAnswer) => ({
    tools: { quota: { timeout: 1000, askForRelayClients: false, ask: async () => answer } },
  })
  const whyOf = async (wishes: Wishes) => {
    const { decision, asked } = await judged(letter, wishes)
    t.same([decision.kind, asked], ['accept', ['clamd']])
    return decision.findings.why
  }
  t.equal(await whyOf(quota({ answer: 'room' })), '')
  t.equal(await whyOf(quota({ answer: 'unknown', why: 'it is down' })), 'quota: it is down')
  t.equal(await whyOf({ ...quota({ answer: 'full' }), client: relay }), '')
})

t.test('each stage has its own time', async (t) => {
  let clock = 1000
  const spend = (milliseconds: number) => {
    clock += milliseconds
  }
  const { decision } = await judged(letter, {
    async scan() {
      spend(70)
      return clean
    },
    tools: {
      uptime: () => clock,
      quota: {
        timeout: 1000,
        askForRelayClients: false,
        async ask() {
          spend(5)
          return { answer: 'room' }
        },
      },
    },
  })
  t.match(decision.findings.times, { quota: 5, verify: 0, sign: 0 })
  t.equal((decision.findings.times.scan ?? 0) % 70, 0)
})

t.test('a header in which a field cannot be removed is refused, and nobody looks', async (t) => {
  const { decision, asked } = await judged('A: b\nno field\nX-QHPSI: clean\n\nx\n')
  t.match(decision, { kind: 'reject', reply: { grounds: 'unclear-header' } })
  t.same(asked, [])
})

t.test('STRICTMIME keeps strange mail out, but no bounce', async (t) => {
  const strange = letter.replace('\n\n', '\nContent-Transfer-Encoding: odd\n\n')
  const strict = { settings: { STRICTMIME: 'refuse' } }
  t.match((await judged(strange, strict)).decision, {
    kind: 'reject',
    reply: { grounds: 'strange-mime' },
  })
  const bounced = await judged(strange, { ...strict, client: bounce })
  t.match(bounced.decision, { kind: 'accept', findings: { scan: 'clean', odd: 'encoding-word' } })
  t.match((await judged(strange)).decision, { kind: 'accept', findings: { odd: 'encoding-word' } })
  t.equal((await judged(letter)).decision.findings.odd, undefined)
})

t.test('who only has scanners of local policy vouches for no size', async (t) => {
  const scanners = [scannerOf('attachments', async () => clean, true)]
  const { decision } = await judged(letter, { settings: { QHPSIMINSIZE: '1000' }, scanners })
  t.match(decision, { findings: { scan: 'skipped' } })
})

/** A memory that has this verdict, and what it was asked. */
function remembering(found: KnownOrScanned) {
  const questions: VerdictQuery[] = []
  const verdicts = {
    async find(question: VerdictQuery) {
      questions.push(question)
      return found
    },
  } as unknown as Verdicts
  return { questions, verdicts }
}

t.test('a remembered verdict counts, with its host and its age', async (t) => {
  const known = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: '',
    time: NOW / 1000 - 60,
    host: 'mx2',
  } as const
  const result = { answer: 'clean', scanners: [] } as const
  const { verdicts, questions } = remembering({ result, known })
  const { decision, asked } = await judged(letter, { tools: { verdicts } })
  t.match(decision, { kind: 'accept', findings: { scan: 'known', by: 'mx2', age: 60 } })
  t.same(asked, [])
  t.match(questions, [{ maxAge: Number.POSITIVE_INFINITY, marks: [/./], scanners: [{}] }])
  t.equal(questions[0]?.policy.secondLook.when, 'always')
})

t.test('a judgement ends when nobody reads the message any more, even if it fails', async (t) => {
  const policy = readScanningPolicy({ QHPSI: 'plugin: clamd', CLUSTERKEYS: ringIn(t) })!
  const held = messageInMemory(Buffer.from(letter), {
    policy: policy.spool,
    digestsFor: () => ({ md5: false, sha256: true }),
    createHash: crypto.createHash,
  })
  let isRead = false
  const form: typeof held.form = async () => {
    const found = await held.form()
    for (let n = 0; n < 20; n++) await new Promise(setImmediate)
    isRead = true
    return found
  }
  const noSpace: Scanner['scan'] = async () => {
    throw new Fault('temp-file', 'no space')
  }
  const judging = judge(
    {
      message: { ...held, form },
      envelope: makeEnvelope(Buffer.from('a@example.org'), [Buffer.from('b@example.org')]),
      client: { relay: false, clusterPeer: false, bounceInjector: false },
    },
    policy,
    {
      scanners: [scannerOf('clamd', noSpace)],
      crypto,
      signatureFiles: () => undefined,
      now: () => NOW,
      uptime: () => 0,
    },
  )
  await t.rejects(judging, { message: 'no space' })
  t.equal(isRead, true)
})

t.test('a header that is too large to be edited is refused before anybody looks', async (t) => {
  const { decision, asked } = await judged(`X-Long: ${'x'.repeat(1024 * 1024)}\n\nbody\n`)
  t.match(decision, {
    kind: 'reject',
    reply: {
      class: 5,
      enhanced: '5.3.4',
      text: 'header of the message is larger than 1 MiB',
      grounds: 'header-too-large',
    },
  })
  t.same(asked, [])
})

/** The path of a keyring with the key of the tests, and with an md5 key. */
function ringIn(t: Test): string {
  const ring = join(t.testdir({ ring: `${keyring}md5:old:sesame\n` }), 'ring')
  chmodSync(ring, 0o600)
  return ring
}

t.test('a stamp', async (t) => {
  const ring = ringIn(t)
  const cluster = { CLUSTERKEYS: ring }
  const stampOf = ({ decision }: { readonly decision: Decision }) =>
    editsOf(decision).find((edit) => /Cluster-\d/.test(edit))
  const by = (scanners: string, text = letter) => {
    const claims = { id: key.id, time: NOW / 1000, scanners }
    return `X-SHA256-Cluster-1: ${hmacValue(Buffer.from(text), key.secret, claims)}\n${text}`
  }

  await t.test('says how closely this host has looked', async (t) => {
    const looks = { never: 'clamd', odd: 'clamd,secondlook', always: 'clamd,everypart' }
    for (const [SECONDLOOK, scanners] of Object.entries(looks)) {
      const stamp = stampOf(await judged(letter, { settings: { ...cluster, SECONDLOOK } }))
      t.match(stamp, `; s=${scanners}; `, SECONDLOOK)
    }
  })

  const closer: readonly (readonly [by: string, here: string, isTrusted: boolean])[] = [
    ['clamd,everypart', 'always', true],
    ['clamd,everypart', 'odd', true],
    ['clamd,everypart', 'never', true],
    ['clamd,secondlook', 'always', false],
    ['clamd,secondlook', 'odd', true],
    ['clamd,secondlook', 'never', true],
    ['clamd', 'always', false],
    ['clamd', 'odd', false],
    ['clamd', 'never', true],
    ['other,everypart', 'always', false],
  ]
  for (const [scanners, SECONDLOOK, isTrusted] of closer) {
    const verb = isTrusted ? 'spares' : 'does not spare'
    await t.test(`of ${scanners} ${verb} a scan where SECONDLOOK=${SECONDLOOK}`, async (t) => {
      const { decision, asked } = await judged(by(scanners), {
        settings: { ...cluster, SECONDLOOK },
      })
      t.same(asked, isTrusted ? [] : ['clamd'])
      t.match(decision, { findings: { scan: isTrusted ? 'trusted' : 'clean', key: key.id } })
    })
  }

  await t.test('spares no scanner of local policy, whose finding counts', async (t) => {
    const scanners = [scannerOf('clamd', virus), scannerOf('attachments', banned, true)]
    const { decision, asked } = await judged(by('clamd,everypart'), {
      settings: { ...cluster, REJECTVIRUS: '1' },
      scanners,
    })
    t.same(asked, ['attachments'])
    t.match(decision, { kind: 'reject', reply: { grounds: 'banned' } })
  })

  await t.test('names no scanner of local policy', async (t) => {
    const scanners = [
      scannerOf('clamd', async () => clean),
      scannerOf('attachments', async () => clean, true),
    ]
    t.match(stampOf(await judged(letter, { settings: cluster, scanners })), '; s=clamd,everypart; ')
  })

  const unstamped: readonly (readonly [why: string, wishes: Wishes])[] = [
    ['that nobody scanned', { settings: { ...cluster, QHPSIMINSIZE: '1000' } }],
    ['that nobody could scan', { settings: { ...cluster, ...SCANFAIL }, scan: nobody }],
    ['of which a part was not looked at', { settings: cluster, scan: tooLarge }],
    ['with a virus', { settings: cluster, scan: virus }],
    [
      'that only local policy has seen',
      { settings: cluster, scanners: [scannerOf('attachments', async () => clean, true)] },
    ],
    [
      'scanned while signatures were on their way',
      {
        settings: cluster,
        tools: {
          signatureFiles: () => {
            const changed = NOW / 1000 - 1
            return { changed, others: changed, size: 1, seen: NOW / 1000 }
          },
        },
        scanners: [
          {
            ...scannerOf('clamd', async () => clean),
            memorable: {
              identity: 'clamd',
              signatures: async () => '1',
              hasLoaded: async () => false,
            },
          },
        ],
      },
    ],
  ]
  const onTheirWay = 'no stamp: signatures changed, and may not be loaded yet'
  for (const [why, wishes] of unstamped) {
    await t.test(`is not made for mail ${why}`, async (t) => {
      const judgement = await judged(letter, wishes)
      t.equal(stampOf(judgement), undefined)
      const notes = judgement.decision.findings.why
      t.equal(notes.includes(onTheirWay), why.includes('on their way'), notes)
    })
  }

  await t.test(
    'that is missing for signatures on their way is told of clean mail alone',
    async (t) => {
      const changed = NOW / 1000 - 1
      const tools = {
        signatureFiles: () => ({ changed, others: changed, size: 1, seen: NOW / 1000 }),
      }
      const late = (scan: Scanner['scan']): Wishes => ({
        settings: cluster,
        tools,
        scanners: [
          {
            ...scannerOf('clamd', scan),
            memorable: { identity: 'x', signatures: async () => '1', hasLoaded: async () => false },
          },
        ],
      })
      t.equal(
        (
          await judged(
            letter,
            late(async () => clean),
          )
        ).decision.findings.why,
        onTheirWay,
      )
      t.equal((await judged(letter, late(virus))).decision.findings.why, '')
      const md5 = `X-MD5-Cluster-1: ${md5Hex(Buffer.from(letter), 'sesame')}\n${letter}`
      const trusted = await judged(
        md5,
        late(async () => clean),
      )
      t.match(trusted.decision, { findings: { scan: 'trusted', why: '' } }, 'nobody scanned it')
    },
  )

  await t.test('by an md5 key spares all scanners, however closely they look', async (t) => {
    const md5 = `X-MD5-Cluster-1: ${md5Hex(Buffer.from(letter), 'sesame')}\n${letter}`
    const { decision, asked } = await judged(md5, { settings: cluster })
    t.same(asked, [])
    t.match(decision, { findings: { scan: 'trusted', key: 'old' } })
  })

  await t.test('of a release spares even local policy', async (t) => {
    const scanners = [scannerOf('clamd', virus), scannerOf('attachments', banned, true)]
    const { decision, asked } = await judged(by('!released'), {
      settings: { ...cluster, REJECTVIRUS: '1' },
      scanners,
    })
    t.same(asked, [])
    t.match(decision, {
      kind: 'accept',
      findings: { scan: 'skipped', why: 'released from quarantine' },
    })
    t.same(editsOf(decision), untouched)
  })

  await t.test('is not made for mail that readers read differently', async (t) => {
    const settings = { ...cluster }
    t.equal(stampOf(await judged(`${letter}more\r\n`, { settings })), undefined, 'line ends')
    t.equal(stampOf(await judged('X-QHPSI: clean\n\nx\n', { settings })), undefined, 'no header')
    t.type(stampOf(await judged(`X-QHPSI: clean\n${letter}`, { settings })), 'string')
  })

  await t.test('bears the time of the verdict that it goes by', async (t) => {
    const time = NOW / 1000 - 60
    const known = {
      found: { answer: 'clean' },
      scanners: ['clamd'],
      signatures: '',
      time,
      host: 'mx2',
    } as const
    const scanned = [scannerOf('clamd', async () => clean)]
    const result = { answer: 'clean', scanners: scanned } as const
    const { verdicts, questions } = remembering({ result, known })
    const changed = NOW / 1000 - 1
    const files = { changed, others: changed, size: 1, seen: NOW / 1000 }
    const scanners = [
      {
        ...scanned[0]!,
        memorable: { identity: 'x', signatures: async () => '1', hasLoaded: async () => false },
      },
    ]
    const tools = { verdicts, signatureFiles: () => files }
    const stamp = stampOf(await judged(letter, { settings: cluster, scanners, tools }))
    t.match(stamp, `t=${time};`)
    t.match(questions, [{ maxAge: 3600 }], 'and no older verdict is asked for than a stamp may be')
  })

  await t.test('counts from hosts of the cluster alone if CLUSTERPEERS says so', async (t) => {
    const settings = { ...cluster, CLUSTERPEERS: 'required' }
    const { asked, decision } = await judged(by('clamd,everypart'), { settings })
    t.same(asked, ['clamd'])
    t.equal(decision.findings.why, 'client is no CLUSTERPEER')
    const client = { clusterPeer: true }
    t.same((await judged(by('clamd,everypart'), { settings, client })).asked, [])
  })

  await t.test('lets mail of any size count as scanned', async (t) => {
    const settings = { ...cluster, QHPSIMINSIZE: '100000' }
    const { decision } = await judged(by('clamd,everypart'), { settings })
    t.match(decision, { findings: { scan: 'trusted' } })
    t.match(editsOf(decision), ['-x-qhpsi', 'X-QHPSI clean'])
    const scanners = [scannerOf('clamd', virus), scannerOf('attachments', banned, true)]
    const local = await judged(by('clamd,everypart'), { settings, scanners })
    t.match(local.decision, { findings: { scan: 'trusted' } }, 'as local policy does')
    const one = await judged(by('other,everypart'), { settings, scanners })
    t.match(one.decision, { findings: { scan: 'skipped' } }, 'but of these scanners alone')
  })
})
