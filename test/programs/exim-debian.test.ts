import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { startOnescand } from '../daemon/process.ts'
import { isWhole } from '../run/is-whole.ts'
import { until } from '../run/until.ts'
import { clamdMissing, EICAR_NAME, startClamd } from './clamd.ts'
import { example } from './example.ts'
import { eximMissing, makeEximHost, startExim } from './exim.ts'
import { freePort } from './free-port.ts'
import { bodyOf, headerValues } from './header-values.ts'
import { openSmtp, sendMail } from './smtp-session.ts'

/**
 * Debian's own Exim after the steps of doc/mail-servers.md: only ports and places are others.
 */

const TEMPLATE = '/etc/exim4/exim4.conf.template'
const MACROS = '/etc/exim4/exim4.conf.localmacros'

const page = readFileSync(join(import.meta.dirname, '../../doc/mail-servers.md'), 'utf8')
const section = /^### Exim.*?(?=^##)/ms.exec(page)![0]

const mail = (line: string) =>
  bytes(`Date: Mon, 23 Nov 2026 10:00:00 +0000\nSubject: x\nTo: ben@example.org\n\n${line}\n.\n`)

t.test('Exim on Debian', { skip: eximMissing || clamdMissing }, async (t) => {
  const clamd = await startClamd(t)
  const ports = new Map<string, number>()
  for (const port of ['10025', '10026', '10027']) ports.set(port, await freePort())
  const here = (text: string) => text.replace(/\b1002[567]\b/g, (port) => String(ports.get(port)))
  const port = await freePort()
  const host = makeEximHost(t, `127.0.0.1.${port}`)
  t.equal(host.run(here(example('exim-debian'))).code, 0)
  const exim = await startExim(t, host, port)

  const settings = Object.fromEntries(
    [...section.matchAll(/^([A-Z_]+)="(.*)"$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
  const serve = async () => {
    const { ONESCAND_OPTIONS = '', ...others } = settings
    return startOnescand(t, {
      args: here(ONESCAND_OPTIONS).split(' '),
      settings: { QHPSI: 'plugin: clamd', ...others, CLAMD: clamd.socket },
    })
  }
  const onescand = await serve()

  /** What a client outside reads, which may not relay, and whose sender is forged. */
  const send = (message: Buffer, ...to: string[]) => {
    return sendMail(port, { from: 'forged@example.net', to, message }, '127.0.0.2')
  }
  const untilDelivered = async (count: number) => {
    await until(() => exim.delivered().length >= count, `${count} messages are delivered`)
    return exim.delivered()
  }
  const nothingBounced = () => t.notMatch(exim.log(), / <= <> | \*\* /, 'nothing was bounced')

  await t.test('clean mail is tagged before the client has its answer', async (t) => {
    const { data } = await send(mail('hello'), 'ben@example.org', 'postmaster@example.org')
    t.match(data, /^250 /)
    t.match(exim.log(), / >> /, 'by onescand, while the client waited')
    const [message] = await untilDelivered(1)
    t.same(headerValues(message!, 'X-QHPSI'), ['clean'])
    t.equal(bodyOf(message!).toString(), 'hello\n.\n')
  })

  await t.test('the client reads that its mail has a virus', async (t) => {
    const session = await openSmtp(port, '127.0.0.2')
    for (const line of [EICAR, `again ${EICAR}`]) {
      const message = mail(`${line}\n${EICAR}`)
      const envelope = { from: 'forged@example.net', to: ['ben@example.org'] }
      const { data } = await session.send({ ...envelope, message })
      t.match(data, `550 5.7.1 message refused: virus ${EICAR_NAME}`)
    }
    await session.quit()
    t.equal(exim.queued(), 0)
    nothingBounced()
  })

  await t.test('unknown users and foreign domains are refused as before', async (t) => {
    const { rcpt, data } = await send(
      mail('x'),
      'nobody-here@example.org',
      'ann@example.com',
      'ben@example.org',
    )
    t.match(rcpt, [/^550 .*Unrouteable/, /^550 .*relay not permitted/, /^250 /])
    t.match(data, /^250 /)
    await untilDelivered(2)
  })

  await t.test('a virus of a program of the host is tagged, and delivered', async (t) => {
    exim.submit(mail(EICAR), 'forged@example.net', 'ben@example.org')
    const messages = await untilDelivered(3)
    const tags = messages.map((message) => headerValues(message, 'X-QHPSI').join())
    t.same(tags.sort(), ['clean', 'clean', 'virus found'])
    nothingBounced()
  })

  await t.test('so is one in a mail of which a recipient was refused', async (t) => {
    const { rcpt, data } = await send(mail(EICAR), 'ben@example.org', 'nobody-here@example.org')
    t.match(rcpt, [/^250 /, /^550 /])
    t.match(data, /^250 /)
    const tags = (await untilDelivered(4)).map((message) => headerValues(message, 'X-QHPSI').join())
    t.same(tags.sort(), ['clean', 'clean', 'virus found', 'virus found'])
    nothingBounced()
  })

  await t.test(
    'while onescand is away, clients try again, and mail of programs waits',
    async (t) => {
      onescand.kill()
      await onescand.ended
      const { rcpt, data } = await send(mail('x'), 'ben@example.org')
      t.match(rcpt[0], /^4/)
      t.match(data, /^503/)
      exim.submit(mail('later'), 'ann@example.org', 'ben@example.org')
      await until(() => /onescan_after_queue.*defer/.test(exim.log()), 'Exim defers the mail')
      t.equal(exim.queued(), 1)
      await serve()
      exim.tryAgain()
      await untilDelivered(5)
      await until(() => exim.queued() === 0, 'Exim removes the mail from its queue')
    },
  )

  await t.test('an error about an error of Exim does not go round', async (t) => {
    exim.submit(mail('x'), 'gone@example.org', 'nobody-here@example.org')
    await until(
      () => / Frozen/.test(exim.log()) && exim.queued() <= 1,
      'Exim freezes the bounce, and has sent all else',
    )
    t.notMatch(exim.log(), / <= <> H=/, 'what Exim writes does not come back as mail of a client')
    t.equal(exim.log().match(/ <= <> /g)?.length, 1)
  })

  await t.test('while clamd is away, the client reads that its mail was not scanned', async (t) => {
    await clamd.stop()
    const before = exim.queued()
    const bounces = exim.log().match(/ <= <> /g)?.length
    const { data } = await send(mail('not seen before'), 'ben@example.org')
    t.match(data, /^451 4\.7\.1 message could not be scanned/)
    t.equal(exim.queued(), before)
    t.equal(exim.log().match(/ <= <> /g)?.length, bounces)
  })
})

/** A configuration that asks, limits, copies and refuses whatever it can; the client of the test is an exception. */
const demanding = `acl_smtp_connect = acl_mine_connect
acl_smtp_helo = acl_mine_helo
acl_smtp_predata = acl_mine_predata
acl_smtp_mime = acl_mine_mime
acl_smtp_dkim = acl_mine_dkim
MAIN_ACL_CHECK_MAIL = acl_mine_mail
MAIN_ACL_CHECK_DATA = acl_mine_data
MESSAGE_SIZE_LIMIT = 30000
helo_verify_hosts = ! 127.0.0.2 : *
host_reject_connection = ! 127.0.0.2 : *
smtp_ratelimit_hosts = ! 127.0.0.2 : *
smtp_ratelimit_mail = 1,10s,2,20s
smtp_accept_max_per_host = 1
system_filter = /etc/exim4/filter
system_filter_directory_transport = address_directory
system_filter_user = ben
IGNORE_SMTP_LINE_LENGTH_LIMIT = yes
`
const ownAcls = ['connect', 'helo', 'mail', 'predata', 'mime', 'dkim', 'data'].map((name) => {
  return `acl_mine_${name}:\\n  deny hosts = ! 127.0.0.2\\n  accept\\n`
})

/** Copies each message that it is asked about, and adds a field to it. */
const filter = (copies: string) => `# Exim filter
headers add "X-Filtered: yes"
unseen save ${copies}/
`

t.test('a demanding Exim gets mail back as it was', { skip: eximMissing }, async (t) => {
  const [port, before, back, after] = await Promise.all([1, 2, 3, 4].map(() => freePort()))
  const here = (text: string) => text.replaceAll('10025', String(before)).replaceAll('10026', String(back)).replaceAll('10027', String(after)) // biome-ignore format: a line
  const host = makeEximHost(t, `127.0.0.1.${port}`)
  writeFileSync(host.at(MACROS), demanding)
  const copies = join(host.home, 'copies')
  writeFileSync(host.at('/etc/exim4/filter'), filter(copies))
  host.run(`sed -i '/^begin acl/a\\${ownAcls.join('')}' ${TEMPLATE}; update-exim4.conf`)
  const { output } = host.run(here(example('exim-debian')))
  const [, lines = ''] =
    /count for what comes back, too; write instead of them:\n(.*)\nand run/s.exec(output) ?? []
  const instead = lines.split('\n').map((line) => /^(\w+) = .*/.exec(line) ?? ['', ''])
  t.equal(instead.length, 10, output)
  const own = readFileSync(host.at(MACROS), 'utf8').split('\n')
  const changed = own.map((line) => instead.find(([, name]) => line.startsWith(`${name} =`))?.[0] ?? line) // biome-ignore format: a line
  writeFileSync(host.at(MACROS), changed.join('\n'))
  const again = host.run(`update-exim4.conf; ${here(example('exim-debian'))}`)
  t.equal(again.code, 0, again.output)
  const exim = await startExim(t, host, port!)
  const { ONESCAND_OPTIONS = '' } = Object.fromEntries(
    [...section.matchAll(/^([A-Z_]+)="(.*)"$/gm)].map(([, name = '', value = '']) => [name, value]),
  )
  const settings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }
  await startOnescand(t, { args: here(ONESCAND_OPTIONS).split(' '), settings })

  const long = `${'x'.repeat(5000)}\n.`
  const full = `${'y'.repeat(29_000)}\n.`
  const arrives = async (t: Test, text: string) => {
    await until(() => exim.delivered().length >= 1 && exim.queued() === 0, 'it is delivered')
    for (const message of exim.delivered()) {
      t.equal(bodyOf(message).toString(), `${text}\n.\n`)
      t.same(headerValues(message, 'X-QHPSI'), ['clean'])
      t.same(headerValues(message, 'X-Filtered'), ['yes'])
    }
    t.equal(exim.delivered().length, 1)
    t.equal(readdirSync(join(copies, 'new')).length, 1, 'the system filter runs once')
    t.notMatch(exim.log(), / <= <> | \*\* /, 'nothing was bounced')
    host.run(`rm ${host.home}/Maildir/new/* ${copies}/new/*`)
  }

  for (const text of [long, full]) {
    await t.test(`mail of a client, ${text.length} bytes`, async (t) => {
      const envelope = { from: 'ann@example.net', to: ['ben@example.org'] }
      const { data } = await sendMail(port!, { ...envelope, message: mail(text) }, '127.0.0.2')
      t.match(data, /^250 /)
      await arrives(t, text)
    })
    await t.test(`mail of a program, ${text.length} bytes`, async (t) => {
      exim.submit(mail(text), 'ann@example.org', 'ben@example.org')
      await arrives(t, text)
    })
  }

  await t.test('mail that Exim writes itself is filtered, too', async (t) => {
    exim.submit(mail('x'), 'ben@example.org', 'nobody-here@example.org')
    await until(
      () => exim.delivered().length >= 1 && exim.queued() === 0,
      'the bounce is delivered',
    )
    const [bounce] = exim.delivered()
    t.same(headerValues(bounce!, 'X-Filtered'), ['yes'])
    t.equal(
      readdirSync(join(copies, 'new')).length,
      2,
      'the message that came back, and the bounce',
    )
  })
})

/** What somebody has set up there before, and what must hold afterwards. */
const ANSWERS = '/etc/exim4/update-exim4.conf.conf'
const split = `sed -i "s/^dc_use_split_config=.*/dc_use_split_config='true'/" ${ANSWERS}`
const asks = "sed -i '/^acl_check_rcpt:/a\\  deny senders = mine@example.com'"

/** Every other one; all in `npm run test:nightly`. */
const some = <Item>(items: readonly Item[]) => items.filter((_, at) => isWhole || at % 2 === 0)

const kept: readonly {
  readonly name: string
  readonly before?: string
  readonly interfaces?: string
  readonly holds: RegExp
}[] = [
  {
    name: 'ports and addresses',
    interfaces: '127.0.0.1.25 ; 192.0.2.1.587',
    holds: /^local_interfaces = <; 127\.0\.0\.1\.25 ; 192\.0\.2\.1\.587 ; 127\.0\.0\.1\.10026$/m,
  },
  {
    name: 'a host that hears itself alone',
    interfaces: '127.0.0.1 ; ::1',
    holds: /^local_interfaces = <; 127\.0\.0\.1 ; ::1 ; 127\.0\.0\.1\.10026$/m,
  },
  {
    name: 'a list with a separator of its own',
    interfaces: '<, 127.0.0.1, 192.0.2.1.587',
    holds: /^local_interfaces = <, 127\.0\.0\.1, 192\.0\.2\.1\.587 , 127\.0\.0\.1\.10026$/m,
  },
  {
    name: 'all addresses',
    interfaces: '',
    holds: /^local_interfaces = <; 0\.0\.0\.0 ; ::0 ; 127\.0\.0\.1\.10026$/m,
  },
  {
    name: 'a rule in exim4.conf.template',
    before: `${asks} ${TEMPLATE}`,
    holds: /^ *acl_check_rcpt:\n *deny +senders = mine@example\.com$/m,
  },
  {
    name: 'a rule in a configuration of several files',
    before: `${split}; ${asks} /etc/exim4/conf.d/acl/30_exim4-config_check_rcpt`,
    holds: /^ *acl_check_rcpt:\n *deny +senders = mine@example\.com$/m,
  },
  {
    name: 'an ACL that adds fields, which is asked about what comes back',
    before: `sed -i '/^acl_check_data:/a\\  warn add_header = X-Mine: yes' ${TEMPLATE}`,
    holds: /^acl_smtp_data = acl_check_data$/m,
  },
  {
    name: 'an ACL that adds fields in the old way',
    before: `sed -i '/^acl_check_data:/a\\  warn\\n    message = X-Mine: yes' ${TEMPLATE}`,
    holds: /^acl_smtp_data = acl_check_data$/m,
  },
  {
    name: 'an ACL about recipients of his own',
    before: `echo 'MAIN_ACL_CHECK_RCPT = acl_mine' >${MACROS}
      sed -i '/^begin acl/a\\acl_mine:\\n  deny senders = mine@example.com\\n  require acl = acl_check_rcpt\\n  accept' ${TEMPLATE}`,
    holds: /^ *require\n *acl = acl_mine$/m,
  },
  {
    name: 'a number of connections',
    before: `echo 'smtp_accept_max = 500' >${MACROS}`,
    holds:
      /^smtp_accept_max = 500\n(?:.*\n)*smtp_accept_reserve = 250\nsmtp_reserve_hosts = 127\.0\.0\.1$/m,
  },
]

for (const { name, before = ':', interfaces = '127.0.0.1', holds } of some(kept)) {
  t.test(`exim-debian adds to ${name}`, { skip: eximMissing }, async (t) => {
    const { run } = makeEximHost(t, interfaces)
    run(`${before}; update-exim4.conf`)
    const was = run('exim4 -bP config').output
    const script = example('exim-debian')
    const would = run(`set -- --dry-run; ${script}`)
    t.match(would, { code: 0, output: /^\+.*10026/m })
    t.equal(run('exim4 -bP config').output, was, 'with --dry-run it only shows the difference')
    const { code, output } = run(script)
    t.equal(code, 0, output)
    const [, copy = ''] = /; (\S+) is as it was before/.exec(output)!
    const is = run('exim4 -bP config').output
    t.match(is, holds)
    t.match(is, /^acl_smtp_rcpt = acl_onescan_rcpt$/m)
    t.equal(run(`update-exim4.conf -d ${copy} -o /etc/old; exim4 -C /etc/old -bP config | sed 2d`).output, was.replace(/\n.*/, '')) // biome-ignore format: a line
    t.match(run(script), { code: 0, output: /^exim-debian: all is there$/m })
    t.equal(run('exim4 -bP config').output, is, 'a second time there is nothing to do')
  })
}

const stops: readonly { readonly before: string; readonly why: RegExp }[] = [
  { before: 'touch /etc/exim4/exim4.conf', why: /exim4\.conf is what Exim reads/ },
  {
    before: `echo 'chunking_advertise_hosts = 192.0.2.0/24' >${MACROS}; update-exim4.conf`,
    why: /chunking_advertise_hosts is yours/,
  },
  {
    before: `echo 'smtp_reserve_hosts = 192.0.2.0/24' >${MACROS}; update-exim4.conf`,
    why: /smtp_reserve_hosts is yours/,
  },
  {
    before: `echo 'local_interfaces = 127.0.0.1' >>${MACROS}
      sed -i '/^local_interfaces = /d' ${TEMPLATE}; update-exim4.conf`,
    why: /add 127\.0\.0\.1\.10026 to "127\.0\.0\.1" yourself/,
  },
  {
    before: `sed -i 's/^acl_smtp_rcpt = .*/acl_smtp_rcpt = acl_check_rcpt/' ${TEMPLATE}; update-exim4.conf`,
    why: /is not set by MAIN_ACL_CHECK_RCPT/,
  },
  {
    before: `sed -i '/^acl_check_rcpt:/a\\  discard senders = mine@example.com' ${TEMPLATE}; update-exim4.conf`,
    why: /acl_check_rcpt: discards/,
  },
  {
    before: `sed -i '/^begin transports/a\\onescan:\\n  driver = smtp\\n' ${TEMPLATE}; update-exim4.conf`,
    why: /Exim cannot read the configuration/,
  },
  { before: `echo 'smtp_accept_max = 1' >${MACROS}`, why: /is not what \/etc\/exim4 makes/ },
]

for (const { before, why } of some(stops)) {
  t.test(`exim-debian changes nothing: ${why.source}`, { skip: eximMissing }, async (t) => {
    const { run } = makeEximHost(t, '127.0.0.1')
    const state = 'cat /var/lib/exim4/config.autogenerated; ls -R /etc/exim4; cat /etc/exim4/exim4.conf.* /etc/exim4/update*' // biome-ignore format: a line
    run(before)
    const was = run(state).output
    const { code, output } = run(example('exim-debian'))
    t.equal(code, 1)
    t.match(output, why)
    t.match(output, /; nothing was changed$/m)
    t.equal(run(state).output, was)
  })
}
