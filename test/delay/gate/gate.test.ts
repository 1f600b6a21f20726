import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { compileRules, startTcpServer, ucspiMissing } from '../../programs/servers/ucspi.ts'
import { until } from '../../run/until.ts'
import { startDns } from '../dns-stand-in.ts'
import { runtimes, visit } from '../rig.ts'
import { allWait, NO_NAMES, NO_PENALTY, namesFrom } from '../waits.ts'
import { AT_ONCE, type Client, connect, speak, startGate } from './rig.ts'

/** The gate on each runtime: its clients get a program after their wait, a refusal, or nothing. */

const skip = ucspiMissing
const TALKED = 'your mail server talked before it was greeted'
const NEVER = [...allWait(300), ...NO_PENALTY, ...NO_NAMES]
const SHORT = [...allWait(0.2), ...NO_PENALTY, ...NO_NAMES]

for (const { name, smtpDelay: command } of runtimes) {
  t.test(`${name}: the program gets what tcpserver would give it`, { skip }, async (t) => {
    const rules = '127.0.0.9:deny\n127.0.0.:allow,GREETING="hello, all",EMPTY=""\n:deny\n'
    const gate = await startGate(t, { command, rules, words: [...SHORT, '-v'] })
    const tcpserver = await startTcpServer({
      directory: t.testdir({}),
      rules,
      program: [`${gate.directory}/behind`],
      environment: { PATH: process.env.PATH, KEPT: t.testdirName },
    })
    t.teardown(tcpserver.stop)
    await visit(tcpserver.port, { late: 'QUIT\r\n' })
    const kept = (file: string) => readFileSync(`${t.testdirName}/${file}`, 'latin1')
    t.match(
      await speak(gate.port),
      /^220 behind RBLSMTPD=unset\r\n250 ok\r\n250 ok\r\n221 bye\r\n$/,
    )
    t.equal(gate.kept('state'), kept('state'), 'descriptors and signals')
    t.same(variables(gate.kept('environments')), variables(kept('environments')))
    t.equal(gate.kept('lines'), 'EHLO client.example.org\r\nMAIL FROM:<a@example.org>\r\nQUIT\r\n')
    await gate.logged(
      / event=passed pid=\d+ remote=127\.0\.0\.1 waited_ms=\d+\.\d reason="ordinary \(no answer: /,
    )

    const denied = await connect(gate.port, { from: '127.0.0.9' })
    t.equal(await denied.over, '', 'a rule that denies leaves no word')
    await gate.logged(/ event=denied pid=\d+ remote=127\.0\.0\.9 /)
  })

  t.test(
    `${name}: the program is informed of an early talker, and receives every byte`,
    { skip },
    async (t) => {
      const gate = await startGate(t, { command, words: NEVER })
      const client = await connect(gate.port, { early: 'EHLO early\r\n' })
      await client.hears(/^250 /m)
      client.send('QUIT\r\n')
      t.match(await client.over, `220 behind RBLSMTPD=${TALKED}`)
      t.equal(gate.kept('lines'), 'EHLO early\r\nQUIT\r\n')
      await gate.logged(/ event=talked pid=\d+ remote=127\.0\.0\.1 waited_ms=/)
    },
  )

  t.test(`${name}: -S answers an early talker by itself`, { skip }, async (t) => {
    const gate = await startGate(t, { command, words: [...NEVER, '-S'] })
    const client = await connect(gate.port, { early: 'EHLO x\r\nMAIL FROM:<a@b>\r\nRC' })
    await client.hears(/^250 [\s\S]*^250 /m)
    client.send('PT TO:<c@d>\r\nQUIT\r\n')
    t.match(
      (await client.over).replace(/^(\d{3}).*$/gm, (line, code) => (code === '451' ? line : code)),
      /^220\r?\n250\r?\n250\r?\n451 your mail server talked before .* try again\r\n221\r?\n$/,
    )
    await gate.logged(/ event=refused pid=\d+ remote=127\.0\.0\.1 reply=451 reason="your/)
    t.equal(gate.kept('environments'), '', 'no program was started')
    const flood = await connect(gate.port, { early: `DATA\r\n${'x'.repeat(1024 * 1024)}` })
    t.match(
      await flood.over,
      /^220 .*\r\n451 your mail server[\s\S]*\r\n421 .*\r\n$/,
      'the answer gets through',
    )
  })

  t.test(`${name}: the log names what speaks before SMTP: PROXY or TLS`, { skip }, async (t) => {
    const gate = await startGate(t, { command, words: [...NEVER, '-P', '300'] })
    const proxy = await connect(gate.port, { early: 'PROXY TCP4 192.0.2.1 192.0.2.2 5 25\r\n' })
    await gate.logged(/ event=talked .*; it speaks the PROXY protocol, which smtp-delay does not/)
    const tls = await connect(gate.port, { early: '\x16\x03\x01\x02' })
    await gate.logged(/ event=talked .*; it speaks TLS, which smtp-delay does not/)
    for (const client of [proxy, tls]) client.leave()
  })

  t.test(
    `${name}: an invalid SMTPDELAY is logged, and disconnects no client`,
    { skip },
    async (t) => {
      const rules = ':allow,SMTPDELAY="soon"\n'
      const gate = await startGate(t, { command, words: SHORT, rules })
      t.match(await speak(gate.port), /^220 /)
      await gate.logged(/SMTPDELAY soon: is not a number of seconds from 0 to 300; it is ignored/)
    },
  )

  t.test(`${name}: a client that leaves starts nothing`, { skip }, async (t) => {
    const gate = await startGate(t, { command, words: [...NEVER, '-P', '300'] })
    ;(await connect(gate.port)).leave()
    await gate.logged(/ event=left /)
    const talker = await connect(gate.port, { early: 'x' })
    await gate.logged(/ event=talked /)
    talker.leave()
    t.equal(gate.kept('environments'), '')
  })

  t.test(`${name}: a client that behaved is exempt until it talks early`, { skip }, async (t) => {
    const gate = await startGate(t, { command, words: SHORT })
    const count = (what: RegExp) => gate.log.filter((line) => what.test(line)).length
    await speak(gate.port)
    await speak(gate.port)
    t.equal(count(/ event=passed .* reason=remembered$/), 1)
    const silent = await connect(gate.port, { from: '127.0.0.2' })
    await silent.hears(/^220 /)
    silent.send('QUIT\r\n')
    await silent.over
    await speak(gate.port, '127.0.0.2')
    t.equal(
      count(/ event=passed .* remote=127\.0\.0\.2 .* reason="ordinary/),
      2,
      'QUIT alone is no proof',
    )
    for (let visits = 0; visits < 2; visits++) {
      const browser = await connect(gate.port, { from: '127.0.0.3' })
      await browser.hears(/^220 /)
      browser.send('GET / HTTP/1.1\r\nHost: mail.example.org\r\nAccept: */*\r\n\r\n')
      await browser.hears(/(250 ok\s+){4}/)
      browser.send('QUIT\r\n')
      await browser.over
    }
    t.equal(count(/ event=passed .* remote=127\.0\.0\.3 .* reason="ordinary/), 2, 'nor is HTTP')
    gate.signal('SIGSTOP') // or it is served before it can talk
    const early = await connect(gate.port, { early: 'QUIT\r\n' })
    gate.signal('SIGCONT')
    t.match(await early.over, TALKED, 'it is looked at')
    await speak(gate.port)
    t.equal(
      count(/ event=passed .* remote=127\.0\.0\.1 .* reason="ordinary/),
      2,
      'and is a stranger again',
    )
  })

  t.test(
    `${name}: SIGTERM disconnects waiting clients, and sessions continue`,
    { skip },
    async (t) => {
      const gate = await startGate(t, {
        command,
        rules: '127.0.0.2:allow,SMTPDELAY="0"\n:allow\n',
        words: NEVER,
      })
      const session = await connect(gate.port, { from: '127.0.0.2' })
      await session.hears(/^220 /)
      const waiting = await connect(gate.port)
      // It is in when somebody who came later is served.
      const later = await connect(gate.port, { from: '127.0.0.2' })
      await later.hears(/^220 /)
      gate.signal('SIGTERM')
      t.match(await waiting.over, /^421 smtp-delay\.local this server is being restarted/)
      t.equal(await gate.ended, 0)
      later.leave()
      session.send('QUIT\r\n')
      t.match(await session.over, /221 bye/)
    },
  )
}

const command = runtimes.at(-1)!.smtpDelay

t.test('the class is that of the names in the DNS', { skip }, async (t) => {
  const dns = await startDns(t, {
    '1.0.0.127.in-addr.arpa': { names: ['adsl-7.example.org'] },
    '2.0.0.127.in-addr.arpa': { names: ['mail.example.org'] },
    '4.0.0.127.in-addr.arpa': { code: 2 },
    '5.0.0.127.in-addr.arpa': 'silence',
  })
  const delays = [...allWait(0), ...namesFrom(dns.server, 0.3)]
  const gate = await startGate(t, { command, words: delays })
  const reasons = [
    'dynamic adsl-7',
    'ordinary mail.example.org',
    'nameless',
    'ordinary (no answer: the name server failed)',
    'ordinary (no answer: timed out)',
  ]
  for (const [index, reason] of reasons.entries()) {
    await speak(gate.port, `127.0.0.${index + 1}`)
    t.match(gate.log.at(-1), reason)
  }
  const many = await Promise.all(
    Array.from({ length: 20 }, () => connect(gate.port, { from: '127.0.0.5' })),
  )
  await Promise.all(many.map((client) => client.hears(/^220 /)))
  // Each question is sent up to four times.
  t.ok(
    dns.asked.filter((name) => name.startsWith('5.')).length <= 8,
    'who asks the same gets the same answer',
  )
  for (const client of many) client.leave()
})

t.test('rules may name clients with -h, and confirmed names with -p', { skip }, async (t) => {
  const dns = await startDns(t, {
    '1.0.0.127.in-addr.arpa': { names: ['friend.example.org'] },
    '2.0.0.127.in-addr.arpa': { names: ['friend.example.org'] },
    'friend.example.org': { address: '127.0.0.1' },
  })
  const rules = '=friend.example.org:allow,WHO="friend"\n:allow,WHO="any"\n'
  const words = [...AT_ONCE, ...namesFrom(dns.server, 5)]
  for (const [option, second] of [
    ['-h', 'friend'],
    ['-p', 'any'],
  ] as const) {
    const environment = { TCPREMOTEINFO: 'forged', TCPREMOTEHOST: 'forged' }
    const more = { rules, words: [...words, option], environment, lookUp: true }
    const gate = await startGate(t, { command, ...more })
    await speak(gate.port, '127.0.0.1')
    await speak(gate.port, '127.0.0.2')
    const environments = gate.kept('environments')
    t.same(
      [...environments.matchAll(/^WHO=(.*)$/gm)].map(([, who]) => who),
      ['friend', second],
      option,
    )
    t.match(environments, /^TCPREMOTEHOST=friend\.example\.org$/m)
    t.notMatch(environments, /forged/)
  }
})

t.test(
  'new rules apply immediately, and a damaged file refuses all clients',
  { skip },
  async (t) => {
    const gate = await startGate(t, { command, rules: ':allow,WHO="first"\n' })
    await speak(gate.port)
    const cdb = compileRules(gate.directory, `${networks(3000)}:allow,WHO="second"\n`)
    await speak(gate.port)
    const denied = await connect(gate.port, { from: '127.20.7.7' })
    t.equal(await denied.over, '', 'one of thousands of networks')
    t.same(
      [...gate.kept('environments').matchAll(/^WHO=(.*)$/gm)].map(([, who]) => who),
      ['first', 'second'],
    )
    truncateSync(cdb, 3000)
    t.match(await (await connect(gate.port)).over, /^421 .* temporary trouble/)
    await gate.logged(
      / event=failed .* reason="-x .*tcp\.smtp\.cdb: is not a cdb: it ends too early; make it with tcprules"/,
    )
    rmSync(cdb)
    t.match(await (await connect(gate.port)).over, /^421 /)
    compileRules(gate.directory, ':allow\n')
    t.match(await speak(gate.port), /^220 /)

    const lenient = await startGate(t, {
      command,
      words: [...AT_ONCE, '-x', '/nonexistent/cdb', '-X'],
    })
    t.match(await speak(lenient.port), /^220 /, '-X')
  },
)

t.test('at most -c programs run; clients are served in their order', { skip }, async (t) => {
  const rules = '127.0.0.8:allow,SMTPDELAY="0"\n:allow,SMTPDELAY="0.1"\n'
  const gate = await startGate(t, {
    command,
    rules,
    words: [...AT_ONCE, '-c', '1', '--remember', '0'],
  })
  const first = await connect(gate.port)
  await first.hears(/^220 /)
  const second = await connect(gate.port, { from: '127.0.0.2' })
  const third = await connect(gate.port, { from: '127.0.0.8' })
  const fourth = await connect(gate.port, { from: '127.0.0.4' })
  fourth.leave()
  await new Promise((resolve) => setTimeout(resolve, 500)) // the delay of the second is over
  await gate.logged(/ event=left .*remote=127\.0\.0\.4/)
  first.send('QUIT\r\n')
  await second.hears(/^220 /)
  t.equal(third.replies, '')
  second.send('QUIT\r\n')
  await third.hears(/^220 /)
  third.leave()

  const hasty = await startGate(t, {
    command,
    words: [...AT_ONCE, '-c', '1', '--wait-timeout', '0'],
  })
  const busy = await connect(hasty.port)
  await busy.hears(/^220 /)
  t.match(
    await (await connect(hasty.port, { from: '127.0.0.2' })).over,
    /^421 .* all servers are busy/,
  )
  await hasty.logged(/ event=refused .* remote=127\.0\.0\.2 reply=421 reason="all servers are busy/)
  busy.leave()
})

t.test('a full queue sends the worst client away, or the newcomer', { skip }, async (t) => {
  const dns = await startDns(t, {
    '2.0.0.127.in-addr.arpa': { names: ['adsl-7.example.org'] },
    '3.0.0.127.in-addr.arpa': { names: ['mail.example.org'] },
    '4.0.0.127.in-addr.arpa': { names: ['mail.example.org'] },
    '5.0.0.127.in-addr.arpa': { names: ['mail.example.org'] },
  })
  const words = [...NEVER, '--waiting', '3', ...namesFrom(dns.server, 5)]
  const gate = await startGate(t, { command, words })
  const come = async (host: number) => {
    const client = await connect(gate.port, { from: `127.0.0.${host}` })
    await until(() => dns.asked.includes(`${host}.0.0.127.in-addr.arpa`), `${host} is asked for`)
    await new Promise((resolve) => setTimeout(resolve, 50)) // the answer is on its way
    return client
  }
  const nameless = await come(1)
  const dynamic = await come(2)
  const ordinary = await come(3)
  await come(4)
  t.match(await nameless.over, /^421 .* too many clients are waiting/)
  await come(5)
  t.match(await dynamic.over, /^421 /)
  t.notOk(ordinary.isOver)
  const last = await connect(gate.port, { from: '127.0.0.6' })
  t.match(await last.over, /^421 /, 'among equals who came last goes')
})

t.test('one client has at most --per-client connections', { skip }, async (t) => {
  const gate = await startGate(t, { command, words: [...AT_ONCE, '--per-client', '2'] })
  const clients = [await connect(gate.port), await connect(gate.port)]
  for (const client of clients) await client.hears(/^220 /)
  t.match(await (await connect(gate.port)).over, /^421 .* too many connections from your address/)
  t.match(await speak(gate.port, '127.0.0.2'), /^220 /, 'another has')
  clients[0]!.send('QUIT\r\n')
  await clients[0]!.over
  t.match(await speak(gate.port), /^220 /, 'one that ended counts no more')
  clients[1]!.leave()
})

t.test('one client takes at most half of the programs by default', { skip }, async (t) => {
  const gate = await startGate(t, { command, words: [...AT_ONCE, '-c', '4'] })
  const clients = [await connect(gate.port), await connect(gate.port)]
  for (const client of clients) await client.hears(/^220 /)
  t.match(await (await connect(gate.port)).over, /^421 .* too many connections from your address/)
  t.match(await speak(gate.port, '127.0.0.2'), /^220 /, 'the others are for others')
  for (const client of clients) client.leave()
})

t.test('SIGHUP reads the lists again; one that is broken changes nothing', { skip }, async (t) => {
  const directory = t.testdir({ allow: '127.0.0.1\n' })
  const gate = await startGate(t, { command, words: [...NEVER, '--allow', `${directory}/allow`] })
  t.match(await speak(gate.port), /^220 /)
  writeFileSync(`${directory}/allow`, 'no list at all, or is it?\n')
  gate.signal('SIGHUP')
  await gate.logged(/ event=failed .*--allow .* line 1/)
  t.match(await speak(gate.port), /^220 /)
  writeFileSync(`${directory}/allow`, '127.0.0.2\n')
  gate.signal('SIGHUP')
  // Who came before the signal still waits.
  const clients: Client[] = []
  for (let tries = 0; !clients.some(({ replies }) => replies.startsWith('220 ')); tries++) {
    if (tries === 40) throw new Error('in vain: one who came later is served')
    clients.push(await connect(gate.port, { from: '127.0.0.2' }))
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
  for (const client of clients) client.leave()
})

t.test('clients of IPv6 and IPv4 use the same port', { skip }, async (t) => {
  const gate = await startGate(t, {
    command,
    listen: '0',
    words: [...AT_ONCE, '--per-client', '1'],
  })
  const six = await connect(gate.port, { from: '::1', to: '::1' })
  await six.hears(/^220 /)
  t.match(await (await connect(gate.port, { from: '::1', to: '::1' })).over, /^421 /)
  t.match(await speak(gate.port), /^220 /)
  const environments = gate.kept('environments')
  t.match(environments, /^TCPREMOTEIP=::1$/m)
  t.match(environments, /^TCPLOCALIP=::1$/m)
  t.match(environments, /^TCPREMOTEIP=127\.0\.0\.1$/m)
  six.leave()
})

/** The variables of a program, without those that differ between connections. */
function variables(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => !/^(TCPREMOTEPORT|TCPLOCALPORT|KEPT|_|PWD|OLDPWD|SHLVL)=/.test(line))
    .sort()
}

function networks(count: number): string {
  return Array.from({ length: count }, (_, at) => `127.${20 + (at >> 8)}.${at & 255}.:deny\n`).join(
    '',
  )
}
