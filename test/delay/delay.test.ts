import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ucspiMissing } from '../programs/servers/ucspi.ts'
import { until } from '../run/until.ts'
import { startDns } from './dns-stand-in.ts'
import { builds, QUICK, runtimes, serve, visit } from './rig.ts'
import { allWait, NO_PENALTY, namesFrom } from './waits.ts'

/** smtp-delay under a real tcpserver: its clients get a greeting in time, a refusal, or nothing. */

const skip = ucspiMissing
const TALKED = 'your mail server talked before it was greeted'

/** How many files of a directory some process has locked (flock(2)), by proc_locks(5). */
function locksHeld(directory: string): number {
  const held = readFileSync('/proc/locks', 'latin1')
  const inodes = readdirSync(directory).map((name) => statSync(join(directory, name)).ino)
  return inodes.filter((inode) => held.includes(`:${inode} 0 EOF`)).length
}

/** A text with every byte value. */
const allBytes = String.fromCharCode(...Array.from({ length: 256 }, (_, byte) => byte))

for (const { name, smtpDelay } of builds) {
  t.test(`${name}: a client that waits is greeted after the delay`, { skip }, async (t) => {
    const server = await serve(t, { words: [...smtpDelay, '-v', ...QUICK] })
    const late = `EHLO client.example.org\r\n${allBytes.repeat(1000)}`
    const { replies, greetedAfter } = await visit(server.port, { late })
    t.equal(replies, '220 behind RBLSMTPD=unset\r\n')
    t.ok(greetedAfter >= 480, `${greetedAfter} ms`)
    await server.over()
    t.ok(server.kept('bytes') === late, 'what it sends reaches the server byte for byte')
    t.match(
      server.log.join('\n'),
      / event=passed pid=\d+ remote=127\.0\.0\.1 waited_ms=\d+\.\d reason=/,
    )
  })
}

for (const { name, smtpDelay } of runtimes) {
  t.test(`${name}: an early talker is reported to the server program`, { skip }, async (t) => {
    const server = await serve(t, { words: [...smtpDelay, ...QUICK] })
    const early = `EHLO x\r\n${allBytes.repeat(100)}`
    const { replies } = await visit(server.port, { early, late: 'QUIT\r\n' })
    t.match(replies, `220 behind RBLSMTPD=${TALKED}`)
    await server.over()
    t.ok(server.kept('bytes') === `${early}QUIT\r\n`, 'not a byte was taken')
  })

  t.test(`${name}: a client that leaves starts nothing, at once`, { skip }, async (t) => {
    const server = await serve(t, { words: [...smtpDelay, '-v', '-d', '300', '-N', '300'] })
    await visit(server.port, { leaveAfter: 10 })
    await until(() => /: end \d+ status 0/.test(server.log.join('\n')), 'smtp-delay ends')
    t.match(server.log.join('\n'), / event=left /)
    t.equal(server.kept('bytes'), '')
  })

  t.test(`${name}: -S refuses by itself what talks early`, { skip }, async (t) => {
    const server = await serve(t, { words: [...smtpDelay, '-S', ...QUICK] })
    const early = 'EHLO x\r\nMAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\n'
    const { replies } = await visit(server.port, { early, late: 'QUIT\r\n' })
    t.match(
      replies.replace(/^(\d{3}).*$/gm, (line, code) => (code === '451' ? line : code)),
      /^220\r?\n250\r?\n250\r?\n451 your mail server talked before .* try again\r\n221\r?\n$/,
    )
    const logged = server.log.filter((line) => line.includes('program=smtp-delay')).join('\n')
    t.match(
      logged,
      /^onescan: .* event=refused pid=\d+ remote=127\.0\.0\.1 reply=451 reason="your mail server talked [^\n]*$/,
    )
    t.equal(server.kept('environment'), '', 'the server behind was not started')
    const patient = await visit(server.port)
    t.match(patient.replies, /^220 behind RBLSMTPD=unset/)
  })
}

const { smtpDelay } = runtimes[0]!

t.test('-S delivers its answer to a client that sends a megabyte early', { skip }, async (t) => {
  const server = await serve(t, { words: [...smtpDelay, '-S', ...QUICK] })
  const { replies } = await visit(server.port, { early: `DATA\r\n${'x'.repeat(1024 * 1024)}` })
  t.match(replies, /^220 .*\r\n451 your mail server/)
  t.match(replies, /\r\n421 .*\r\n$/)
})

t.test('the server program inherits unchanged descriptors and signals', { skip }, async (t) => {
  const plain = await serve(t, { words: [] })
  await visit(plain.port)
  await plain.over()
  for (const { name, smtpDelay } of runtimes) {
    const server = await serve(t, { words: [...smtpDelay, ...QUICK] })
    await visit(server.port)
    await server.over()
    t.match(server.kept('state'), /SigIgn:\s+0+\n/)
    t.equal(server.kept('state'), plain.kept('state'), name)
    t.notMatch(server.kept('environment'), /SMTPDELAY_SIGIGN/)
  }
})

t.test('a signal that was ignored before stays ignored', { skip }, async (t) => {
  const ignoring = ['/bin/sh', '-c', 'trap "" PIPE; exec "$@"', 'sh']
  // The bundle by itself cannot know: it is a launcher that looks before the runtime starts.
  for (const { name, smtpDelay } of runtimes.filter(
    (runtime) => runtime.name !== 'on the oldest Node',
  )) {
    const server = await serve(t, { words: [...ignoring, ...smtpDelay, ...QUICK] })
    await visit(server.port)
    await server.over()
    t.match(server.kept('state'), /SigIgn:\s+0+1000\n/, name)
  }
})

t.test('the delay is that of the class, counted from the connection', { skip }, async (t) => {
  const domain = '1.0.0.127.in-addr.arpa'
  const dns = async (answer: Parameters<typeof startDns>[1][string]) => {
    const server = await startDns(t, { [domain]: answer })
    return namesFrom(server.server, 0.3)
  }
  const delays = ['-v', '-d', '0.4', '-D', '0.7', '-N', '1']
  const cases = [
    { words: await dns({ names: ['mail.example.org'] }), delay: 400, log: 'ordinary mail.example' },
    { words: await dns({ names: ['adsl-7.example.org'] }), delay: 700, log: 'dynamic adsl-7' },
    { words: await dns({ code: 3 }), delay: 1000, log: 'nameless' },
    {
      words: await dns({ code: 2 }),
      delay: 400,
      log: 'ordinary (no answer: the name server failed)',
    },
    { words: await dns('silence'), delay: 400, log: 'ordinary (no answer: timed out)' },
  ]
  /** The shortest of some visits: a busy machine is slow now and then. */
  const soonestOf = async (port: number, enough: number) => {
    let soonest = Number.POSITIVE_INFINITY
    for (let visits = 0; visits < 20 && soonest >= enough; visits++) {
      soonest = Math.min(soonest, (await visit(port)).greetedAfter)
    }
    return soonest
  }
  const undelayed = await serve(t, { words: [...smtpDelay, '-d', '0', ...cases[0]!.words] })
  const start = await soonestOf(undelayed.port, 100)
  for (const { words, delay, log } of cases) {
    const server = await serve(t, { words: [...smtpDelay, ...delays, ...words] })
    const most = Math.max(delay, start) + 250
    const soonest = await soonestOf(server.port, most)
    // The client's clock starts a little before the server's.
    t.ok(soonest > delay - 30 && soonest < most, `${log}: ${soonest} ms`)
    t.match(server.log.join('\n'), log)
  }
})

t.test('a client that talks while the DNS is silent is passed on at once', { skip }, async (t) => {
  const dns = await startDns(t, { '1.0.0.127.in-addr.arpa': 'silence' })
  const words = [...NO_PENALTY, ...namesFrom(dns.server, 300)]
  const server = await serve(t, { words: [...smtpDelay, ...words] })
  const { replies } = await visit(server.port, { early: 'EHLO x\r\n' })
  t.match(replies, TALKED)
})

const NEVER = [...allWait(300), ...NO_PENALTY, '--dns-timeout', '0.2']

const exempt: { name: string; rules?: string; words?: string[]; early?: string; expect: string }[] =
  [
    { name: 'RELAYCLIENT', rules: ':allow,RELAYCLIENT=""\n', early: 'x', expect: 'unset' },
    { name: 'SMTPDELAY=0', rules: ':allow,SMTPDELAY="0"\n', early: 'x', expect: 'unset' },
    { name: 'SMTPDELAY=0.2', rules: ':allow,SMTPDELAY="0.2"\n', expect: 'unset' },
    { name: 'SMTPDELAY=5 and early', rules: ':allow,SMTPDELAY="5"\n', early: 'x', expect: TALKED },
    { name: 'RBLSMTPD=-no', rules: ':allow,RBLSMTPD="-no"\n', early: 'x', expect: '-no' },
    { name: 'RBLSMTPD="" and early', rules: ':allow,RBLSMTPD=""\n', early: 'x', expect: TALKED },
    { name: 'RBLSMTPD=""', rules: ':allow,RBLSMTPD=""\n', expect: '' },
  ]

for (const { name, rules, early, expect } of exempt) {
  t.test(`a rule with ${name} overrules the class`, { skip }, async (t) => {
    const server = await serve(t, { words: [...smtpDelay, ...NEVER], ...(rules && { rules }) })
    const { replies } = await visit(server.port, early === undefined ? {} : { early })
    t.ok(replies.startsWith(`220 behind RBLSMTPD=${expect}`), replies)
  })
}

t.test('allowed networks pass at once, and so do confirmed names', { skip }, async (t) => {
  const dns = await startDns(t, {
    '1.0.0.127.in-addr.arpa': { names: ['friend.example.org'] },
    'friend.example.org': { address: '127.0.0.1' },
  })
  const forging = await startDns(t, {
    '1.0.0.127.in-addr.arpa': { names: ['friend.example.org'] },
    'friend.example.org': { address: '192.0.2.1' },
  })
  const lists = t.testdir({ networks: '127.0.0.0/8\n', names: '.example.org\n' })
  const greeted = async (file: string, server: string) => {
    const list = ['--allow', `${lists}/${file}`]
    const words = [...smtpDelay, ...NEVER, ...list, ...namesFrom(server, 20)]
    return (await visit((await serve(t, { words })).port, { early: 'x' })).replies
  }
  t.match(await greeted('networks', dns.server), '=unset')
  t.match(await greeted('names', dns.server), '=unset')
  t.match(
    await greeted('names', forging.server),
    `=${TALKED}`,
    'a name without the address of the client does not count',
  )
})

t.test(
  'beyond --limit no client is delayed, and early talkers are detected',
  { skip },
  async (t) => {
    const locks = t.testdir({})
    const words = ['-v', ...NEVER, '--limit', '2', '--locks', locks]
    const server = await serve(t, { words: [...smtpDelay, ...words] })
    const leaving = new AbortController()
    const leaveWhen = leaving.signal
    const waiting = [visit(server.port, { leaveWhen }), visit(server.port, { leaveWhen })]
    await until(() => locksHeld(locks) === 2, 'they wait')
    t.match((await visit(server.port)).replies, '=unset')
    leaving.abort()
    t.match(server.log.join('\n'), 'all waiting places are in use')
    await Promise.all(waiting)
    await until(
      () => server.log.filter((line) => / event=left /.test(line)).length === 2,
      'they left',
    )
    const { replies } = await visit(server.port, { leaveAfter: 300 })
    t.equal(replies, '', 'a place that was given back is taken again')
  },
)
