import { createHash } from 'node:crypto'
import t from 'tap'
import type { Decision } from '../../../../src/scanner/scan/judge/decision/decision.ts'
import type { ContentScanner } from '../../../../src/scanner/scan/scanners/contract/scanner.ts'
import { clean } from '../../../../src/scanner/scan/scanners/findings/scan-result.ts'
import { banScanner } from '../scanners/run/scanning.ts'
import { hmacValue, md5Hex } from '../stamps/independent.ts'
import { key } from '../stamps/independently-stamped.ts'
import {
  banned,
  cachingVerdicts,
  editsOf,
  judgeMail,
  letter,
  NOW,
  ringIn,
  type Setup,
  scannerOf,
  tooLarge,
  virus,
} from './judge-mail.ts'

/** Stamps in the judgement: which scans a stamp spares, and which mail gets one. */

const ring = ringIn(t)
const cluster = { CLUSTERKEYS: ring }
const stampOf = ({ decision }: { readonly decision: Decision }) =>
  editsOf(decision).find((edit) => /Cluster-\d/.test(edit))
const by = (scanners: string, text = letter) => {
  const claims = { id: key.id, time: NOW / 1000, scanners }
  return `X-SHA256-Cluster-1: ${hmacValue(Buffer.from(text), key.secret, claims)}\n${text}`
}

t.test('a stamp states how closely this host has scanned', async (t) => {
  const looks = { never: 'clamd', always: 'clamd,everypart' }
  for (const [SECONDLOOK, scanners] of Object.entries(looks)) {
    const stamp = stampOf(await judgeMail(letter, { settings: { ...cluster, SECONDLOOK } }))
    t.match(stamp, `; s=${scanners}; `, SECONDLOOK)
  }
})

t.test('a stamp with a second look spares a host without one the scan', async (t) => {
  const settings = { ...cluster, SECONDLOOK: 'never' }
  const { decision, asked } = await judgeMail(by('clamd,everypart'), { settings })
  t.same(asked, [])
  t.match(decision, { details: { scan: 'trusted', key: key.id } })
})

t.test('the scanners of two stamps are not combined: each host states its own scans', async (t) => {
  const again = (below: string, above: string) => {
    const text = by(below)
    const claims = { id: key.id, time: NOW / 1000, scanners: above }
    const value = hmacValue(Buffer.from(letter), key.secret, claims)
    return `X-SHA256-Cluster-2: ${value}\n${text}`
  }
  const settings = { ...cluster, SECONDLOOK: 'always' }
  for (const [below, above] of [
    ['other,everypart', 'clamd'],
    ['clamd', 'other,everypart'],
  ] as const) {
    t.same((await judgeMail(again(below, above), { settings })).asked, ['clamd'], above)
  }
  t.same((await judgeMail(again('other', 'clamd,everypart'), { settings })).asked, [])
})

t.test('a stamp can list at most no scanner for bans', async (t) => {
  const scanners = [scannerOf('clamd', async () => clean), banScanner('attachments')]
  t.match(
    stampOf(await judgeMail(letter, { settings: cluster, scanners })),
    '; s=clamd,everypart; ',
  )
})

const onTheirWay = 'no stamp: signatures changed, and may not be loaded yet'
const unstamped: readonly (readonly [reason: string, setup: Setup])[] = [
  ['of which a part was not looked at', { settings: cluster, scan: tooLarge }],
  [
    'that only scanners for bans have seen',
    { settings: cluster, scanners: [banScanner('attachments')] },
  ],
]
for (const [reason, setup] of unstamped) {
  t.test(`a stamp is not made for mail ${reason}`, async (t) => {
    const judgement = await judgeMail(letter, setup)
    t.equal(stampOf(judgement), undefined)
    t.notMatch(judgement.decision.details.reason, onTheirWay)
  })
}

t.test('new signatures that are not loaded are noted for clean mail alone', async (t) => {
  const changed = NOW / 1000 - 1
  const tools = { signatureFiles: () => ({ changed, others: changed, size: 1, seen: NOW / 1000 }) }
  const late = (scan: ContentScanner['scan']): Setup => ({
    settings: cluster,
    tools,
    scanners: [
      {
        ...scannerOf('clamd', scan),
        cacheable: { identity: 'x', signatures: async () => '1', hasLoaded: async () => false },
      },
    ],
  })
  const unsure = late(async () => clean)
  const found = await judgeMail(letter, unsure)
  t.equal(stampOf(found), undefined)
  t.equal(found.decision.details.reason, onTheirWay)
  t.equal((await judgeMail(letter, late(virus))).decision.details.reason, '')
  const md5 = `X-MD5-Cluster-1: ${md5Hex(Buffer.from(letter), 'sesame')}\n${letter}`
  const trusted = await judgeMail(md5, unsure)
  t.match(trusted.decision, { details: { scan: 'trusted', reason: '' } }, 'nobody scanned it')
})

/** A stamp of a release to that address. */
const releasedBy = (address: string, text = letter) => {
  const digest = createHash('sha256').update(address).digest().subarray(0, 12)
  return by(`!released,!to-${digest.toString('base64url')}`, text)
}
const releasing = { CLUSTERKEYS: ringIn(t, ':release'), REJECTVIRUS: '1' }
const infected = scannerOf('clamd', virus)

// promise: key-release
t.test('a stamp of a release spares scanners for its recipients, and no others', async (t) => {
  const scanners = [infected, banScanner('attachments')]
  const { decision, asked } = await judgeMail(releasedBy('b@example.org'), {
    settings: releasing,
    scanners,
  })
  t.same(asked, [])
  t.match(decision, {
    kind: 'accept',
    details: { scan: 'skipped', reason: 'has the stamp of a release key' },
  })
  t.same(editsOf(decision), ['-x-qhpsi'])
  const other = await judgeMail(releasedBy('c@example.org'), { settings: releasing, scanners })
  t.equal(other.decision.kind, 'reject', 'it is sent on to somebody else')
  const unbound = await judgeMail(by('!released'), { settings: releasing, scanners })
  t.equal(unbound.decision.kind, 'reject')
})

t.test('a release that is sent on, in whatever way, is scanned', async (t) => {
  const send = async (recipients: readonly string[], mail = releasedBy('b@example.org')) => {
    const scanners = [infected]
    return (await judgeMail(mail, { settings: releasing, scanners, recipients })).decision.kind
  }
  for (const same of [['b@example.org'], ['B@Example.ORG'], ['b@example.org', 'b@example.org']]) {
    t.equal(await send(same), 'accept', `${same}`)
  }
  const others = [
    ['b@example.org', 'c@example.org'],
    ['c@example.org', 'b@example.org'],
    Array.from({ length: 33 }, () => 'b@example.org'),
    ['b@example.org.'],
    ['"b"@example.org'],
    ['@r.example:b@example.org'],
    ['b%example.org@example.org'],
    ['b@example.org(x)'],
    ['b+c@example.org'],
    ['b@exam\u00adple.org'],
    ['b'],
    [''],
  ]
  for (const to of others) t.equal(await send(to), 'reject', `${to}`)
  const mail = releasedBy('b@example.org')
  const changes: Record<string, string> = {
    'more text': `${mail}more\n`,
    'a type below the stamp': mail.replace(
      'Subject: hello',
      'X-More: x; boundary=x\nSubject: hello',
    ),
    'a type above the stamp': `Content-Type: text/html\n${mail}`,
    'a recipient in the stamp': mail.replace('!to-', '!to-AAAAAAAAAAAAAAAA,!to-'),
    'two stamps, each for one': releasedBy('c@example.org').replace(letter, '') + mail,
  }
  for (const [what, changed] of Object.entries(changes)) {
    t.not(changed, mail, what)
    t.equal(await send(['b@example.org', 'c@example.org'], changed), 'reject', what)
    if (!what.startsWith('two')) t.equal(await send(['b@example.org'], changed), 'reject', what)
  }
})

t.test('a release lets in what bans, limits and STRICTMIME would keep again', async (t) => {
  const banning = [infected, banScanner('attachments', await banned())]
  const { decision: released } = await judgeMail(releasedBy('b@example.org'), {
    settings: releasing,
    scanners: banning,
  })
  t.equal(released.kind, 'accept')
  const strange = letter.replace('\n\n', '\nContent-Transfer-Encoding: odd\n\n')
  const scanners = [infected]
  for (const STRICTMIME of ['off', 'refuse', 'defer']) {
    const settings = { ...releasing, STRICTMIME }
    const { decision } = await judgeMail(releasedBy('b@example.org', strange), { settings, scanners }) // biome-ignore format: a line
    t.equal(decision.kind, 'accept', STRICTMIME)
  }
})

t.test('a release remains valid if a mail server completes or rewrites the header', async (t) => {
  const sent = 'From: root\nTo: ben\nSubject: x\n\nhello\n'
  const mail = releasedBy('b', sent)
  const judge = async (text: string) =>
    (await judgeMail(text, { settings: releasing, scanners: [infected] })).decision.kind
  const completed = mail
    .replace('root', 'root@example.org')
    .replace('To: ben', 'To:\tben@example.org')
    .replace('Subject: x', 'Subject: x\nDate: Fri, 27 Nov 2026 12:00:00 +0000\nMessage-ID: <1@x>')
  t.equal(await judge(completed), 'accept', 'also the recipient b')
  t.equal(await judge(mail.replace(/From: root\n/, '')), 'accept')
  t.equal(await judge(completed.replace('Subject: x', 'Subject: y')), 'accept', 'rewritten')
  const changes = {
    'what may describe content': completed.replace('<1@x>', '<1@x> Content-Type: text/html'),
    'another body': completed.replace('hello', 'goodbye'),
    'a field about content that was dropped': releasedBy(
      'b',
      `Content-Language: en\n${sent}`,
    ).replace(/Content-.*\n/, ''),
    'another recipient': releasedBy('c', sent),
  }
  for (const [what, changed] of Object.entries(changes)) {
    t.equal(await judge(changed), 'reject', what)
  }
})

t.test('a stamp bears the time at which the scan began', async (t) => {
  let now = NOW
  let changed: number | undefined
  const scan = async () => {
    now += 40_000
    changed = now / 1000
    now += 40_000
    return clean
  }
  const signatureFiles = () =>
    changed === undefined ? undefined : { changed, others: changed, size: 0, seen: now / 1000 }
  const setup = { settings: cluster, scan, tools: { now: () => now, signatureFiles } }
  const [, name = '', value = ''] =
    /^(\S+) (.*)$/.exec(stampOf(await judgeMail(letter, setup)) ?? '') ?? []
  t.match(value, `k=${key.id}; t=${NOW / 1000}; `)
  const { decision } = await judgeMail(`${name}: ${value}\n${letter}`, setup)
  t.match(decision.details, { scan: 'clean', reason: /this host has had new signatures since/ })
})

t.test('a stamp contains the time of the cached verdict on which it is based', async (t) => {
  const time = NOW / 1000 - 60
  const cached = {
    found: { answer: 'clean' },
    scanners: ['clamd'],
    signatures: '',
    time,
    host: 'mx2',
  } as const
  const scanned = [scannerOf('clamd', async () => clean)]
  const result = { answer: 'clean', scanners: scanned } as const
  const { verdicts } = cachingVerdicts({ result, cached })
  const changed = NOW / 1000 - 1
  const files = { changed, others: changed, size: 1, seen: NOW / 1000 }
  const scanners = [
    {
      ...scanned[0]!,
      cacheable: { identity: 'x', signatures: async () => '1', hasLoaded: async () => false },
    },
  ]
  const tools = { verdicts, signatureFiles: () => files }
  const stamp = stampOf(await judgeMail(letter, { settings: cluster, scanners, tools }))
  t.match(stamp, `t=${time};`)
})

t.test('a stamp lets mail of any size count as scanned', async (t) => {
  const settings = { ...cluster, QHPSIMINSIZE: '100000' }
  const { decision } = await judgeMail(by('clamd,everypart'), { settings })
  t.match(decision, { details: { scan: 'trusted' } })
  t.match(editsOf(decision), ['-x-qhpsi', 'X-QHPSI clean'])
  const scanners = [scannerOf('clamd', virus), banScanner('attachments', await banned())]
  const local = await judgeMail(by('clamd,everypart'), { settings, scanners })
  t.match(local.decision, { details: { scan: 'trusted' } }, 'as scanners for bans do')
  const other = await judgeMail(by('other,everypart'), { settings, scanners })
  t.match(other.decision, { details: { scan: 'skipped' } }, 'but of these scanners alone')
})
