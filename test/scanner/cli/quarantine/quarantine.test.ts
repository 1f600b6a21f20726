import { createHash } from 'node:crypto'
import { readFileSync, statSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { shortNumber } from '../../../../src/base/text/short-number.ts'
import { bytes } from '../../../cases/case.ts'
import { readQuarantine } from '../../../cases/kept.ts'
import { buildStage } from '../../../cases/stage.ts'
import { becomePlain } from '../../../programs/host/plain-account.ts'
import { startReceiver } from '../../../programs/servers/smtp-receiver.ts'
import { deliveries, makeMaildir, standInQueue } from '../../../stand-in/stand-in.ts'
import { runSlot } from '../../doors/slot/slot.ts'
import { startNext } from '../../doors/smtp/next-server.ts'
import { fileOf, keepOne, makeQuarantine } from '../../scan/quarantine/quarantined.ts'
import { jsonIn, onescan } from '../onescan.ts'

/** `onescan quarantine`, by the account of the quarantine. */

standInQueue() // which builds it
becomePlain()

const HOUR = 3_600_000
const virus = 'Subject: x\nFrom: a@example.net\n\nVIRUS\n'

const run = (directory: string, ...words: readonly string[]) =>
  onescan(['quarantine', ...words, '--directory', directory])

const ringOf = (stage: ReturnType<typeof buildStage>, byte = 1) =>
  stage.file(
    'ring',
    `hmac-sha256:mx1:${Buffer.alloc(32, byte).toString('base64url')}:release\n`,
    0o600,
  )

function build(t: Test) {
  const stage = buildStage(t)
  const maildir = makeMaildir()
  t.teardown(maildir.remove)
  return {
    stage,
    directory: makeQuarantine(t),
    /** The options of a release into the Maildir with the keyring. */
    release: [
      'release',
      '--env',
      `QUEUECHAIN=/usr/bin/env PATH=${process.env.PATH} MAILDIR=${maildir.path} ${standInQueue()}`,
      '--env',
      `CLUSTERKEYS=${ringOf(stage)}`,
    ],
    delivered: () => deliveries(maildir.path),
  }
}

t.test('list shows what is asked for, with the oldest first', async (t) => {
  const directory = makeQuarantine(t)
  const now = Date.now()
  const ids = [
    await keepOne(directory, now - 50 * HOUR, { sender: 'old@example.net' }),
    await keepOne(directory, now - 2 * HOUR, { grounds: 'banned', found: 'attachment x.exe' }),
    await keepOne(directory, now - HOUR / 2, { recipients: ['c@x', 'd@x', 'e@x', 'f@x'] }),
  ]
  const listed = async (...words: string[]) => {
    const { out } = await run(directory, 'list', ...words, '--json')
    const { results, sum } = jsonIn<{ id: string }>(out)
    t.equal(sum.messages, results.length)
    return results.map(({ id }) => ids.indexOf(id))
  }
  t.same(await listed(), [0, 1, 2])
  t.same(await listed('--since', '1h'), [2])
  t.same(await listed('--until', '1h'), [0, 1])
  const lines = (await run(directory, 'list', '--json')).out.split('\n')
  for (const [part, index] of [
    ['old@', 0],
    ['"banned"', 1],
    ['f@x', 2],
  ] as const) {
    const fit = lines.filter((line) => line.includes(part))
    t.same([fit.length, fit[0]?.includes(ids[index]!)], [1, true], `${part}, as grep finds it`)
  }
  const { out, code } = await run(directory, 'list', '--since', '1h')
  t.equal(code, 0)
  t.match(
    out,
    new RegExp(
      `^${ids[2]}  20.*Z  virus: Test-Virus  17 bytes  from <a@example.net> to <c@x>, <d@x>, <e@x> \\+1\n    x\n$`,
    ),
  )
  t.equal((await run(directory, 'list', '--until', '72h')).code, 1)
})

t.test('list names what it cannot read, and shows all else', async (t) => {
  const directory = makeQuarantine(t)
  const now = Date.now()
  const old = await keepOne(directory, now - 72 * HOUR)
  const young = await keepOne(directory, now)
  writeFileSync(fileOf(directory, old), 'spoilt')
  writeFileSync(join(directory, 'banned'), 'a file with the name of grounds')
  const { code, out, err } = await run(directory, 'list')
  t.equal(code, 0)
  t.match(out, young)
  t.match(err, `${old}: is not a message in quarantine: it has no record`)
  t.match(err, `${directory}/banned is not a directory of uid`)
  t.notMatch((await run(directory, 'list', '--since', '1h')).err, old, 'which is not opened then')
})

t.test('a message is named by the short number that people dictate, too', async (t) => {
  const directory = makeQuarantine(t)
  const [id, other] = [await keepOne(directory, Date.now()), await keepOne(directory, Date.now())]
  const number = shortNumber(id)
  t.match((await run(directory, 'show', number)).out, `id          ${id} (kept)\nnumber      ${number}\n`) // biome-ignore format: a line
  t.match((await run(directory, 'list', '--search', `Please deliver ${number}`)).out, new RegExp(`^${id}.*\n.*\n$`)) // biome-ignore format: a line
  t.equal((await run(directory, 'delete', number.toLowerCase())).out, `${id}: deleted\n`)
  const gone = await run(directory, 'delete', number, other)
  t.equal(gone.code, 2)
  t.match(gone.err, `${number}: is not in quarantine`)
  t.equal(gone.out, `${other}: deleted\n`)
  // Their random digits are the same.
  const twins = [1, 2].map((n) => `${Math.floor(Date.now() / 1000)}.0000${n}00000000abc`)
  const folder = dirname(fileOf(directory, await keepOne(directory, Date.now())))
  const content = readFileSync(fileOf(directory, await keepOne(directory, Date.now())))
  for (const twin of twins) writeFileSync(join(folder, `${twin},S=17`), content)
  const twin = await run(directory, 'show', shortNumber(twins[0]!))
  t.equal(twin.code, 2)
  t.match(twin.err, `: is the number of ${twins.join(' and ')}; name one of these`)
})

t.test('list and show are harmless on a terminal', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.now(), {
    text: 'Subject: \x1b]0;x\x07\n\n\x1b[2J\x9b\n',
    sender: '\x1b[31m\nforged@example.net',
    found: 'Test\x1b-Virus',
  })
  for (const words of [['list'], ['show', id]]) {
    const { bytes: shown } = await run(directory, ...words)
    t.notMatch(shown.toString('utf8'), /[\0-\x08\x0b-\x1f\x7f-\x9f]/)
    t.match(shown.toString(), 'forged@example.net')
  }
  const { results } = jsonIn<{ sender: string }>((await run(directory, 'show', id, '--json')).out)
  t.equal(results[0]?.sender, '\x1b[31m\nforged@example.net')
})

t.test('addresses and texts in UTF-8 are shown as such, as --to takes them', async (t) => {
  const directory = makeQuarantine(t)
  const latin1 = (text: string) => Buffer.from(text).toString('latin1')
  const id = await keepOne(directory, Date.now(), {
    text: latin1('Subject: Gr\u00fc\u00dfe\n\nS\u00e4tze\n'),
    sender: latin1('j\u00f6rg@example.net'),
    recipients: [latin1('\u00e4nn@example.org'), '\xfc@example.org'],
  })
  const textOf = async (...words: readonly string[]) =>
    (await run(directory, ...words)).bytes.toString()
  for (const words of [['list'], ['show', id]]) {
    const out = await textOf(...words)
    for (const text of [
      '<j\u00f6rg@example.net>',
      '<\u00e4nn@example.org>',
      '<\ufffd@example.org>',
    ])
      t.ok(out.includes(text), `${words[0]}: ${text}`)
    const { results } = jsonIn<object>(await textOf(...words, '--json'))
    const recipients = ['\u00e4nn@example.org', '\ufffd@example.org']
    t.match(results[0], { sender: 'j\u00f6rg@example.net', recipients, recipientCount: 2 })
  }
  t.match(await textOf('show', id), /Gr\u00fc\u00dfe\n\nS\u00e4tze/)
})

t.test('show --raw prints the message byte for byte', async (t) => {
  const directory = makeQuarantine(t)
  const text = `Subject: x\n\n${'\0\xff\r\n'.repeat(100_000)}`
  const id = await keepOne(directory, Date.now(), { text })
  t.ok((await run(directory, 'show', id, '--raw')).bytes.equals(bytes(text)))
  t.match((await run(directory, 'show', '1.0000000000000000')).err, /is not in quarantine/)
  t.match((await run(directory, 'show', '../../etc/passwd')).err, /is not an id/)
})

t.test(
  'release passes a message to the chain, and hosts with the key do not scan it',
  async (t) => {
    const { stage, directory, release, delivered } = build(t)
    const id = await keepOne(directory, Date.now(), {
      text: virus,
      sender: '',
      recipients: ['b@example.org', 'c@example.org'],
    })
    const { code, out, err } = await run(directory, ...release, id)
    t.equal(code, 0, err)
    t.match(out, `${id}: sent by /usr/bin/env`)
    const [mail, ...more] = delivered()
    t.same(more, [])
    t.same([mail?.sender, mail?.recipients], ['', ['b@example.org', 'c@example.org']])
    const text = mail!.message.toString('latin1')
    t.match(
      text,
      /^X-SHA256-Cluster-1: v=1; k=mx1; t=\d+; s=!released,!to-[\w-]{16},!to-[\w-]{16}; h=/,
    )
    t.ok(text.endsWith(virus), 'below it, as it came')

    const settings = { QHPSI: stage.scanner, REJECTVIRUS: '1', CLAMDBDIR: '/nonexistent' }
    const hop = (CLUSTERKEYS: string) =>
      runSlot({ message: mail!.message, settings: { ...settings, CLUSTERKEYS } })
    const honoured = await hop(join(stage.directory, 'ring'))
    t.equal(honoured.code, 0, honoured.logged)
    t.match(honoured.logged, /scan=skipped .*reason="has the stamp of a release key"/)
    t.notMatch(honoured.text, 'X-QHPSI', 'nothing states that it is clean')
    t.match(honoured.text, '!released', 'nor to those behind')
    t.equal(stage.scans(), 0)
    t.equal((await hop(ringOf(stage, 2))).code, 31, 'a host with another key scans it')
    const changed = bytes(text.replace('VIRUS', 'VIRUS too'))
    const forged = { ...settings, CLUSTERKEYS: ringOf(stage) }
    t.equal((await runSlot({ message: changed, settings: forged })).code, 31)

    t.match(
      (await run(directory, 'list')).out,
      'no messages are in quarantine, but 1 released; --released shows them',
    )
    t.equal(
      (await run(directory, 'list', '--until', '2020-01-01')).out,
      'no such messages are in quarantine\n',
    )
    t.match((await run(directory, 'list', '--released')).out, ', released\n    a@example.net: x\n')
    const log = readFileSync(join(directory, 'quarantine.log'), 'latin1')
    t.match(log, new RegExp(`^onescan: quarantine=release kept=${id} .* rcpts=2 .*key=mx1 who=\\S+ time=`)) // biome-ignore format: a line
    t.equal(statSync(join(directory, 'quarantine.log')).mode & 0o777, 0o600)
    t.match(
      (await run(directory, ...release, id)).err,
      /has been released; --again releases it once/,
    )
    t.equal(
      (await run(directory, ...release, '--again', '--to', 'admin@example.org', '--stamp', id))
        .code,
      0,
    )
    t.same(
      delivered()
        .map(({ recipients }) => recipients)
        .at(-1)?.length,
      1,
    )
  },
)

t.test('one of several simultaneous releases passes the message on', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: virus })
  const runs = await Promise.all(Array.from({ length: 4 }, () => run(directory, ...release, id)))
  t.same(runs.map(({ code }) => code).sort(), [0, 2, 2, 2])
  for (const { code, err } of runs) {
    if (code === 2) t.match(err, /: (is being released by process \d+|has been released; --again)/)
  }
  t.equal(delivered().length, 1)
})

t.test('if the chain does not take it, it stays in quarantine', async (t) => {
  const { stage, directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: virus })
  const ring = ['--env', `CLUSTERKEYS=${ringOf(stage)}`]
  const refusing = stage.file('refusing', '#!/bin/sh\ncat >/dev/null\nexit 53\n', 0o700)
  for (const [QUEUECHAIN, reason] of [
    [refusing, /refusing: failed with 53/],
    ['/nonexistent', /nonexistent: no such file or directory/],
  ] as const) {
    const words = ['release', ...ring, '--env', `QUEUECHAIN=${QUEUECHAIN}`, id]
    const { code, err } = await run(directory, ...words)
    t.equal(code, 2)
    t.match(err, reason)
  }
  const { code, err } = await run(directory, 'release', ...ring, '--by', '127.0.0.1:1', id)
  t.equal(code, 2)
  t.match(err, /127\.0\.0\.1:1.*connection refused/)
  t.equal((await readQuarantine(directory))[0]?.state, 'kept')
  t.equal((await run(directory, ...release, id)).code, 0, 'later it goes')
  t.equal(delivered().length, 1)
})

t.test('a release that was killed is reported, and goes on only if asked to', async (t) => {
  const { stage, directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: virus })
  const killing = stage.file('killing', '#!/bin/sh\nkill -9 $PPID\n', 0o700)
  const ring = ['--env', `CLUSTERKEYS=${ringOf(stage)}`]
  t.equal((await run(directory, 'release', ...ring, '--env', `QUEUECHAIN=${killing}`, id)).code, null) // biome-ignore format: a line
  t.match((await run(directory, 'list')).out, ', releasing\n')
  t.match(
    (await run(directory, ...release, id)).err,
    /was interrupted, and it may have been delivered; --again/,
  )
  t.equal((await run(directory, ...release, '--again', id)).code, 0)
  t.equal(delivered().length, 1)
})

t.test('release over SMTP, in lines of CRLF', async (t) => {
  const { directory, release } = build(t)
  const receiver = await startReceiver(t)
  const id = await keepOne(directory, Date.now(), { text: `${virus}.dot\n` })
  const { code, err } = await run(directory, ...release, '--by', `127.0.0.1:${receiver.port}`, id)
  t.equal(code, 0, err)
  const { sender, recipients, message } = await receiver.next()
  t.same([sender, recipients], ['a@example.net', ['b@example.org']])
  t.match(message.toString('latin1').replaceAll('\r\n', '\n'), `${virus}.dot\n`)
})

t.test('release over SMTP greets with a name that servers accept', async (t) => {
  const { directory, release } = build(t)
  const next = await startNext(t)
  const id = await keepOne(directory, Date.now())
  const { code, err } = await run(directory, ...release, '--by', `127.0.0.1:${next.port}`, id)
  t.equal(code, 0, err)
  const expected = hostname().includes('.') ? hostname() : '[127.0.0.1]'
  t.same(next.commands.slice(0, 2), [`EHLO ${expected}`, 'MAIL FROM:<a@example.net>'])
})

t.test('an address in UTF-8 is released only to a server that offers SMTPUTF8', async (t) => {
  const { directory, release } = build(t)
  const next = await startNext(t, { extensions: ['8BITMIME'] })
  const id = await keepOne(directory, Date.now(), {
    recipients: [Buffer.from('jürgen@example.org').toString('latin1')],
  })
  const words = [...release, '--by', `127.0.0.1:${next.port}`, id]
  const refused = await run(directory, ...words)
  t.equal(refused.code, 2)
  t.match(refused.err, /does not offer SMTPUTF8, which <jürgen@example\.org> needs/)
  next.extensions = ['8BITMIME', 'SMTPUTF8']
  const { code, err } = await run(directory, ...words)
  t.equal(code, 0, err)
  const mailFrom = next.commands.filter((line) => line.startsWith('MAIL'))
  t.same(mailFrom, ['MAIL FROM:<a@example.net> SMTPUTF8'])
})

t.test('only 4xx and 5xx replies over SMTP refuse a message', async (t) => {
  const { directory, release } = build(t)
  const next = await startNext(t)
  const replies = {
    '354 go on': false,
    '300 what': false,
    'no reply': false,
    '421 busy': true,
    '550 no': true,
  }
  for (const [reply, isRefusal] of Object.entries(replies)) {
    next.script = (verb) => (verb === '.' ? reply : undefined)
    const id = await keepOne(directory, Date.now())
    const by = ['--by', `127.0.0.1:${next.port}`, id]
    const { code, err } = await run(directory, ...release, ...by)
    t.equal(code, 2)
    t.equal(/the message may have been delivered/.test(err), !isRefusal, `${reply}: ${err}`)
    const again = await run(directory, ...release, ...by)
    t.equal(/was interrupted, and it may have been/.test(again.err), !isRefusal, again.err)
  }
})

t.test('mail counts as not accepted only after a complete answer of root', async (t) => {
  const { directory, release } = build(t)
  const answers = {
    '{"code":2,"by":"x","reason":"no"}\n': true,
    '{"code":1,"by":"x","reason":""}\n': false, // as Node ends by an error that nobody caught
    '': false,
    '\n': false,
    'null\n': false,
    '{"code":1\n': false,
    '{"code":"1","by":"x","reason":"no"}\n': false,
    '{"code":0}\n': false,
  }
  for (const [input, isRefusal] of Object.entries(answers)) {
    const id = await keepOne(directory, Date.now())
    const words = ['quarantine', ...release, '--by', 'caller', id, '--directory', directory]
    const { code, err } = await onescan(words, { input })
    t.equal(code, 2)
    t.equal(/the message may have been delivered/.test(err), !isRefusal, `${input}: ${err}`)
    const again = await run(directory, ...release, id)
    t.equal(again.code, isRefusal ? 0 : 2, again.err)
  }
})

t.test('a message is passed on byte for byte, and from no memory', async (t) => {
  const { stage } = build(t)
  const seen = stage.file('seen', '')
  const chain = stage.file(
    'chain',
    `#!/bin/sh\n(sed -n 's/^VmHWM:[^0-9]*\\([0-9]*\\) kB/\\1/p' /proc/$PPID/status; sha256sum) >'${seen}'\n`,
    0o755,
  )
  /** Has a message of so many pieces passed on; resolves to the most memory that this took, in MB. */
  const handOn = async (pieces: number) => {
    const piece = Buffer.alloc(1024 * 1024, 'one line of a mail\n')
    const mail = { sender: 'a@example.net', recipients: ['b@example.net'], isCrlf: false }
    const hash = createHash('sha256')
    const lines = Array.from({ length: pieces }, () => {
      hash.update(piece)
      return { bytes: piece.toString('base64') }
    })
    const input = [{ mail, route: 'chain' }, ...lines, { end: true }]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('')
    // A name is looked for as the slot does.
    const search = ['--env', 'QUEUECHAIN=chain', '--env', `PATH=${dirname(chain)}:/usr/bin:/bin`]
    const words = ['quarantine', 'hand-on', ...search]
    const { code, out } = await onescan(words, { input })
    t.equal(code, 0, out)
    const [memory, digest] = readFileSync(seen, 'latin1').split('\n')
    t.match(digest, hash.digest('hex'))
    return Number(memory) / 1024
  }
  const [small, large] = [await handOn(1), await handOn(200)]
  t.ok(large - small < 100, `${small} MB for one megabyte, ${large} MB for 200`)
})

t.test('without a key a message is not released by mistake', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now())
  const queue = release.slice(0, 3)
  const { code, err } = await run(directory, ...queue, id)
  t.equal(code, 2)
  t.match(err, /keyring: (?!.*--keyring).*onescan keygen --release, or release it with --no-stamp/)
  t.equal((await run(directory, ...queue, '--no-stamp', id)).code, 0)
  t.equal(delivered()[0]?.message.toString(), 'Subject: x\n\nbody\n')
})

t.test('delete removes messages for good, and reports which were missing', async (t) => {
  const directory = makeQuarantine(t)
  const ids = [await keepOne(directory, Date.now()), await keepOne(directory, Date.now())]
  const { code, err, out } = await run(directory, 'delete', ...ids, ids[0]!)
  t.equal(code, 2)
  t.equal(out, `${ids[0]}: deleted\n${ids[1]}: deleted\n`)
  t.match(err, `${ids[0]}: is not in quarantine`)
  t.same(await readQuarantine(directory), [])
  t.match(readFileSync(join(directory, 'quarantine.log'), 'latin1'), /quarantine=delete .*who=/)
})

t.test('what list finds can be deleted and released at once', async (t) => {
  const { directory, release, delivered } = build(t)
  const subject =
    'Subject: =?iso-8859-1?Q?Rechnung_f=FCr_M=FCller?=\nFrom: Ann <ann@x.example>\n\nx\n'
  const ids = [await keepOne(directory, Date.now(), { text: subject }), await keepOne(directory, Date.now(), { text: subject, recipients: ['c@example.org'] })] // biome-ignore format: a line
  const other = await keepOne(directory, Date.now(), { grounds: 'banned' })
  const search = ['--search', 'müller RECHNUNG']
  const { bytes: out } = await run(directory, 'list', ...search)
  t.match(out.toString(), /^\S+ .*\n {4}Ann <ann@x\.example>: Rechnung für Müller\n\S+ .*\n {4}Ann/)
  t.match((await run(directory, 'list', '--grounds', 'banned')).out, other)
  t.match((await run(directory, 'list', '--recipient', 'C@EXAMPLE')).out, ids[1]!)
  const without = await run(directory, 'delete', '--search=-rechnung')
  t.same([without.code, without.out], [2, `${other}\n`])
  const asked = await run(directory, 'delete', ...search)
  t.same([asked.code, asked.out], [2, `${ids.join('\n')}\n`])
  t.match(asked.err, /2 messages would be deleted; add --yes/)
  for (const words of [['delete'], ['delete', ids[0]!, ...search], ['release']])
    t.match((await run(directory, ...words)).err, /specify ids, or options/)
  t.equal((await run(directory, ...release, ...search, '--yes')).code, 0)
  t.same(
    delivered().map(({ recipients }) => recipients),
    [['b@example.org'], ['c@example.org']],
  )
  const removed = await run(directory, 'delete', ...search, '--released', '--yes')
  t.equal(removed.out, ids.map((id) => `${id}: deleted\n`).join(''))
  t.match((await run(directory, 'list', '--released')).out, other)
  const shown = await run(directory, 'show', other)
  t.match(shown.out, /^deleted on {2}\d{4}-/m)
})

t.test('a release to many that is killed between two mails goes on with the others', async (t) => {
  const { stage, directory, release, delivered } = build(t)
  const recipients = Array.from({ length: 70 }, (_, n) => `r${n}@example.org`)
  const id = await keepOne(directory, Date.now(), { text: virus, recipients })
  const chain = release.find((word) => word.startsWith('QUEUECHAIN='))!.slice('QUEUECHAIN='.length)
  const twice = join(stage.directory, 'second')
  const killing = stage.file('killing', `#!/bin/sh\n[ -e ${twice} ] && kill -9 $PPID && exit 1\n: >${twice}\nexec ${chain}\n`, 0o700) // biome-ignore format: a line
  const words = release.map((word) => (word.startsWith('QUEUECHAIN=') ? `QUEUECHAIN=${killing}` : word)) // biome-ignore format: a line
  t.equal((await run(directory, ...words, id)).code, null)
  t.match((await run(directory, ...release, id)).err, /was interrupted.*--again releases it anyway, to those who/) // biome-ignore format: a line
  const { code, err } = await run(directory, ...release, '--again', id)
  t.equal(code, 0, err)
  const got = delivered().flatMap((mail) => mail.recipients)
  t.same(got.toSorted(), recipients.toSorted(), 'each has it once')
})

t.test('list reads no message, only what is above it', async (t) => {
  const directory = makeQuarantine(t)
  const id = await keepOne(directory, Date.now())
  truncateSync(fileOf(directory, id), 1024 ** 4)
  const { code, out, err } = await run(directory, 'list')
  t.equal(code, 0, err)
  t.match(out, id)
})

t.test('a message that differs from the kept one is not released', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now(), { text: 'Subject: x\n\nharmless\n' })
  const file = fileOf(directory, id)
  const text = readFileSync(file, 'latin1')
  writeFileSync(file, text.replace('harmless', 'a VIRUS!'))
  const { code, err } = await run(directory, ...release, id)
  t.equal(code, 2)
  t.match(err, `${id}: is not the message that was quarantined`)
  t.match((await run(directory, 'show', id)).err, 'is not the message that was quarantined')
  t.same(delivered(), [])
  writeFileSync(file, text)
  t.equal((await run(directory, ...release, id)).code, 0)
})

t.test('a release on a full disk, whose mail was passed on, is not a failure', async (t) => {
  const { directory, release, delivered } = build(t)
  const id = await keepOne(directory, Date.now())
  symlinkSync('/dev/full', join(directory, 'quarantine.log'))
  const { code, err } = await run(directory, ...release, id)
  t.equal(code, 0, err)
  t.match(err, 'quarantine.log: ')
  t.equal(delivered().length, 1)
})
