import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { failure } from '../../../../../src/base/check/check-line.ts'
import {
  checkExim,
  checkEximStart,
  type Exim,
  withEximReturn,
} from '../../../../../src/scanner/cli/check/mail-server-config/exim.ts'
import type { EximSources } from '../../../../../src/scanner/cli/check/mail-server-config/exim-sources.ts'
import { doorBy } from '../../../../../src/scanner/options/door-address.ts'
import { linesOf } from '../../../../check-lines.ts'
import { openDirectory } from '../../../../programs/host/reachable.ts'

/** What `onescan check` reports about the routers of Exim, as its program prints them. */

const router = (name: string, route: string) =>
  `\n${name} router:\naddress_data = \ncondition = \${if eq{$acl_m_onescan}{yes}}\nroute_data = \nroute_list = ${route}\ntransport = to_${name}\nno_unseen\n`
const asThePage = [
  router('onescan_before_queue', '* 127.0.0.1::10025 byname'),
  router('onescan_after_queue', '* 127.0.0.1::10027 byname'),
  router('hubbed_hosts', ''),
  router('smarthost', '* mx.example.org::587 byname'),
].join('')
const smtp = ['inet:127.0.0.1:10025', 'inet:0.0.0.0:10027']

interface Printed {
  readonly routers?: string
  readonly transports?: string
  /** Main options. */
  readonly options?: string
  readonly config?: string
}

const eximThat = (printed: Printed, sources?: EximSources, program = ''): Exim => ({
  program,
  print: async (what) => printed[what] ?? '',
  sources: async () => sources,
})

const doorsAt = (addresses: readonly string[]) => addresses.map((text) => doorBy('clamd')(text, ''))

/** The lines about an Exim that prints this, on a host with servers at these ports, and onescand's addresses. */
const linesAbout = async (
  printed: Printed,
  ports: readonly number[],
  {
    smtp: ours = smtp,
    clamd = [] as readonly string[],
    scanTime: scanSeconds = 90,
    sources = undefined as EximSources | undefined,
  } = {},
) =>
  linesOf(
    await checkExim({
      endpoints: { milters: [], smtp: doorsAt(ours), clamd: doorsAt(clamd), isRunning: true },
      scanSeconds,
      exim: eximThat(printed, sources),
      listens: (port) => ports.includes(port),
    }),
  )

t.test('routers as documented pass mail to onescand', async (t) => {
  t.same(await linesAbout({ routers: asThePage }, [10025, 10027]), [
    'ok router onescan_before_queue of Exim: passes mail to onescand at port 10025',
    'ok router onescan_after_queue of Exim: passes mail to onescand at port 10027',
  ])
})

t.test('a port at which nothing listens is named, with the router', async (t) => {
  const wrong = asThePage.replace('10027', '10037')
  t.match(await linesAbout({ routers: wrong }, [10025, 10027]), [
    /^ok /,
    /^error router onescan_after_queue of Exim: sends mail to port 10037 of 127.0.0.1, where nothing listens: Exim defers it; set a port of onescand's --smtp \(inet:127.0.0.1:10025, inet:0.0.0.0:10027\)/,
  ])
  const [, second] = await linesAbout({ routers: asThePage }, [10025])
  t.match(second, /^error .*port 10027 .*; restart onescand/)
})

t.test('without a router to onescand, no mail is reported as scanned', async (t) => {
  const others = [router('amavis', '* localhost::10024 byname'), router('dns', '')].join('')
  t.match(await linesAbout({ routers: others }, [10024]), [
    /^warning Exim: no router of Exim passes mail to onescand over SMTP, which waits for it at inet:127\.0\.0\.1:10025, inet:0\.0\.0\.0:10027; add the routers as doc\/exim\.md shows$/,
  ])
  const [, , third] = await linesAbout({ routers: asThePage }, [], { smtp: [] })
  t.match(third, /^warning Exim: no router/)
})

/** The configuration as Exim prints it, with an ACL that has this statement. */
const configWith = (statement: string, more = '') =>
  `begin acl\n\nacl_check_rcpt:\n  accept hosts = :\n\nacl_check_data:\n  deny\n    message = a\n    ${statement}\n  accept\n${more}\nbegin routers\n`
/** The options of an Exim with a scanner, by default onescand, and an ACL for DATA. */
const optionsWith = (place = '127.0.0.1 3311', acl = 'acl_check_data') =>
  `av_scanner = clamd:${place}\nacl_smtp_data = ${acl}\n`
const config = configWith('malware = *')

t.test('the scanner of an Exim counts only if the ACL for DATA is seen to use it', async (t) => {
  const clamd = ['inet:127.0.0.1:3311']
  const asked = (printed: Printed) =>
    linesAbout({ options: optionsWith(), ...printed }, [], {
      smtp: [],
      clamd,
    })
  const called = '\nacl_check_virus:\n  deny malware = *\n'
  for (const printed of [{ config }, { config: configWith('acl = acl_check_virus', called) }])
    t.match(await asked(printed), [/^ok av_scanner of Exim: /])
  const wanted =
    /^warning av_scanner of Exim: is onescand at \S+, but no "malware" was seen in the ACL for DATA .*, so it is unknown whether mail is scanned; put "deny malware = \*" at the top of that ACL, then run /
  for (const printed of [
    {},
    { options: optionsWith(undefined, ''), config },
    { options: optionsWith(undefined, `\${if eq{a}{b}{acl_check_data}}`), config },
    { config: configWith('hosts = +relay_from_hosts', called) },
    { config: configWith('# malware = *') },
    { options: optionsWith(undefined, 'acl_check_rcpt'), config },
  ])
    t.match(await asked(printed), [wanted])
})

t.test('mail that an ACL of Exim accepts above the scanner is named', async (t) => {
  const linesWith = async (data: string, more = '') => {
    const acls = `begin acl\n\nacl_check_data:\n${data}\n  accept\n${more}\nbegin routers\n`
    const [first, ...others] = await linesAbout({ options: optionsWith(), config: acls }, [], {
      smtp: [],
      clamd: ['inet:127.0.0.1:3311'],
    })
    t.match(first, /^ok av_scanner of Exim: /)
    return others
  }
  const passed = (text: string) => [
    `warning ACL acl_check_data of Exim: "${text}" is above the condition "malware": such mail is not scanned; move the statement with "malware" above it, then run systemctl restart exim`,
  ]
  const deny = 'deny\n    malware = *\n    message = a'
  t.same(await linesWith(`accept hosts = 192.0.2.0/24\n${deny}`), passed('accept hosts = 192.0.2.0/24')) // biome-ignore format: a line
  t.same(
    await linesWith(`accept\n    !hosts = a\n    authenticated = *\n    control = b\n${deny}`),
    passed('accept !hosts = a authenticated = *'),
  )
  const large = `accept condition = \${if >{$message_size}{1M}}`
  t.same(await linesWith(`${large}\n${deny}`), passed(large))
  for (const all of ['accept', 'accept hosts = *', 'accept logwrite = a', 'accept condition = yes'])
    t.match(await linesWith(`${all}\n${deny}`), [
      /^error ACL acl_check_data of Exim: "accept.*" is above .*: no mail is scanned; /,
    ])
  const called = '\nacl_virus:\n  accept authenticated = *\n  deny malware = *\n  accept\n'
  t.match(await linesWith('require acl = acl_virus', called), [
    /^warning ACL acl_virus of Exim: "accept authenticated = \*" is above /,
  ])
  for (const [above, more] of [
    // Debian's own statements, and what no mail need meet.
    ['deny condition = a\n message = b\n deny !acl = c\n !verify = header_syntax'],
    ['accept hosts = :'],
    ['accept condition = false'],
    [`accept condition = \${if ={$received_port}{10026}}`],
    ['accept hosts = a\n condition = b'],
    ['warn hosts = *\n discard senders = a'],
    ['deny acl = acl_virus', called],
  ] as const)
    t.same(await linesWith(`${above}\n${deny}`, more), [])
})

t.test('conditions beside the scanner of an ACL of Exim are named', async (t) => {
  const linesWith = async (data: string, more = '') => {
    const acls = `begin acl\n\nacl_check_data:\n  ${data}\n  accept\n${more}\nbegin routers\n`
    const options = `${optionsWith()}acl_not_smtp = ${more === '' ? '' : 'own'}\n`
    const [first, ...others] = await linesAbout({ options, config: acls }, [], {
      smtp: [],
      clamd: ['inet:127.0.0.1:3311'],
    })
    t.match(first, /^ok av_scanner of Exim: /)
    return others
  }
  const malware = 'malware = *\n message = a'
  for (const condition of ['!hosts = 192.0.2.0/24', `condition = \${if <{$message_size}{1M}}`])
    for (const statement of [`${malware}\n ${condition}`, `${condition}\n ${malware}`])
      t.same(await linesWith(`deny ${statement}`), [
        `warning ACL acl_check_data of Exim: "${condition}" is beside "malware": other mail is not scanned; remove it there, then run systemctl restart exim`,
      ])
  const off = (condition: string, acl = 'acl_check_data') => [
    `error ACL ${acl} of Exim: "${condition}" switches the statement with "malware" off: no mail is scanned there; write "deny malware = *" in its place, then run systemctl restart exim`,
  ]
  for (const condition of [
    'condition = false',
    'condition = no',
    'condition = 0',
    '!condition = 1',
  ])
    t.same(await linesWith(`deny ${malware}\n ${condition}`), off(condition))
  t.same(await linesWith('deny malware = false'), off('malware = false'))
  t.same(await linesWith(`deny ${malware}`, 'own:\n  accept\n'), [])
  const ofPrograms = `own:\n  deny ${malware}\n condition = no\n  accept\n`
  t.same(await linesWith(`deny ${malware}`, ofPrograms), off('condition = no', 'own'))
  for (const data of [
    `deny ${malware}\n condition = yes\n hosts = *\n set acl_m_a = b`,
    // What one does not scan, another may.
    `deny ${malware}\n hosts = a\n deny ${malware}\n !hosts = a`,
    `deny ${malware}\n condition = false\n deny ${malware}`,
    `deny acl = called`,
  ])
    t.same(await linesWith(data, `called:\n  deny ${malware}\n`), [])
})

t.test('options with which Exim keeps mail in its queue are named', async (t) => {
  const linesWith = async (options: string) =>
    (await linesAbout({ routers: asThePage, options }, [10025, 10027])).slice(2)
  t.same(await linesWith('no_queue_only\nqueue_domains = \nhold_domains = \n'), [])
  t.match(await linesWith('queue_only\nhold_domains = a.example : b.example\n'), [
    /^warning queue_only of Exim: is set: Exim keeps mail in its queue until the next queue run; /,
    /^warning hold_domains of Exim: a\.example : b\.example: Exim keeps mail in its queue for these domains until this is removed; /,
  ])
})

t.test('a rule of Exim that accepts mail while onescand is down is named', async (t) => {
  const lines = (
    statement: string,
    ports: readonly number[] = [],
    clamd = ['inet:127.0.0.1:3311'],
  ) =>
    linesAbout(
      {
        options: optionsWith(),
        config: `begin acl\n\nacl_check_data:\n  ${statement}\n  accept\nbegin routers\n`,
      },
      ports,
      { smtp: [], clamd },
    )
  t.match(await lines('deny malware = */defer_ok'), [
    /^ok av_scanner/,
    /^error ACL acl_check_data of Exim: "malware" has \/defer_ok: while onescand is down or cannot scan, Exim accepts mail unscanned; remove \/defer_ok there, then run /,
  ])
  t.match(await lines('deny malware = * / tmo=60s / defer_ok', [], []), [
    /^error av_scanner of Exim: is clamd at port 3311 .*: Exim accepts mail unscanned in acl_check_data;/,
    /^error ACL /,
  ])
  // As the page has it for those who begin with tagging.
  t.match(await lines('warn malware = */defer_ok'), [/^ok /])
})

t.test('an Exim that asks onescand as clamd needs no router', async (t) => {
  const clamd = ['unix:/run/onescan/clamd.sock', 'inet:127.0.0.1:3311']
  const asked = (place: string) =>
    linesAbout({ options: optionsWith().replace(/clamd:.*/, place), config }, [], {
      smtp: [],
      clamd,
    })
  for (const place of ['clamd:127.0.0.1 3311', 'clamd:/run/onescan/clamd.sock'])
    t.match(await asked(place), [
      /^ok av_scanner of Exim: is onescand as clamd at \S+, used in acl_check_data$/,
    ])
  for (const place of ['clamd:/run/clamav/clamd.ctl', 'sophie:/var/run/sophie'])
    t.match(await asked(place), [/^warning Exim: no router/])
})

t.test('a scanner of Exim that does not listen is named if an ACL uses it', async (t) => {
  const asked = (place: string, ports: readonly number[], printed: Printed = { config }) =>
    linesAbout({ options: optionsWith(place), ...printed }, ports, {
      smtp: [],
    })
  t.match(await asked('127.0.0.1 3310', []), [
    /^error av_scanner of Exim: is clamd at port 3310 of 127\.0\.0\.1, where nothing listens: Exim defers mail in acl_check_data; start the scanner that should listen there, or set av_scanner = clamd:127\.0\.0\.1 3311 as doc\/exim\.md shows$/,
  ])
  t.match(await asked('localhost 3311', []), [/^error .* port 3311 /])
  for (const lines of [
    await asked('127.0.0.1 3310', [3310]),
    await asked('192.0.2.7 3310', []),
    await asked('127.0.0.1 3310', [], {}),
  ])
    t.match(lines, [/^warning Exim: no router/])
})

/** The lines about transports alone: all routers are as documented. */
const linesAboutTransports = async (transports: string, scanTime = 90) =>
  (await linesAbout({ routers: asThePage, transports }, [10025, 10027], { scanTime })).filter(
    (line) => !line.startsWith('ok router '),
  )

t.test('a transport to onescand that ends before a scan may is named', async (t) => {
  const transport = (name: string, time: string) =>
    `\nto_${name} transport:\ncommand_timeout = 5m\nfinal_timeout = ${time}\nhosts_randomize\n`
  const names = ['onescan_before_queue', 'onescan_after_queue', 'smarthost']
  const timeouts = (...times: readonly string[]) =>
    linesAboutTransports(names.map((name, at) => transport(name, times[at]!)).join(''))
  t.same(await timeouts('10m', '1m31s', '1s'), [])
  t.match(await timeouts('10m', '1m30s', '1s'), [
    /^warning transport to_onescan_after_queue of Exim: final_timeout = 1m30s: Exim times out before onescand does \(SCANTIMEOUT=90\); set final_timeout = 900s in the transport to_onescan_after_queue, then run .*systemctl restart exim/,
  ])
})

t.test('the time to set for a transport to onescand is longer than any scan', async (t) => {
  const transport = (time: string) =>
    `\nto_onescan_before_queue transport:\nfinal_timeout = ${time}\n`
  for (const [scanTime, enough] of [
    [300, '900s'],
    [600, '1200s'],
  ] as const) {
    t.match(await linesAboutTransports(transport('10s'), scanTime), [
      new RegExp(`set final_timeout = ${enough} in the transport`),
    ])
    t.same(await linesAboutTransports(transport(enough), scanTime), [])
  }
})

t.test('a transport to onescand that returns long lines is named', async (t) => {
  const printed = ['onescan_before_queue', 'smarthost']
    .map((name) => `\nto_${name} transport:\nfinal_timeout = 15m\nmessage_linelength_limit = 998\n`)
    .join('')
  t.match(await linesAboutTransports(printed), [
    /^error transport to_onescan_before_queue of Exim: message_linelength_limit = 998: Exim returns accepted mail with a longer line; set message_linelength_limit = 1G in the transport to_onescan_before_queue, then run .*systemctl restart exim/,
  ])
  // As Exim prints 1G, which the page sets.
  t.same(await linesAboutTransports(printed.replaceAll('998', '1073741824')), [])
})

const CONF_D = '/etc/exim4/conf.d'
const TEMPLATE = '/etc/exim4/exim4.conf.template'
/** What Debian generates of files, split if they are in conf.d, and what Exim reports of the line at which it ends. */
function sourcesOf(
  files: Readonly<Record<string, string>>,
  read: readonly string[],
  complaint = '',
): EximSources {
  const parts = read.map((path) => {
    const text = files[path] ?? ''
    return path.startsWith(CONF_D) ? `#####\n### ${path}\n#####\n${text}\n### end ${path}` : text
  })
  const generated = `# generated\n${parts.join('\n')}\n`
  const number = generated.split('\n').indexOf('  bogus') + 1
  return {
    generated,
    complaint: complaint.replace('NUMBER', String(number)),
    files: new Map(Object.entries(files)),
  }
}

const reported = `2026-11-30 13:10:55 Exim configuration error in line NUMBER of /tmp/a/config:
  missing or malformed "ACL" name`

t.test('a line that Exim does not understand is named by its own file and number', async (t) => {
  const lines = async (sources: EximSources | undefined) =>
    linesOf(await checkEximStart(eximThat({}, sources)))
  const named = (place: string) => [
    `error Exim: cannot start: its configuration has an error in ${place}: "missing or malformed 'ACL' name"; correct ${place}, then run systemctl restart exim`,
  ]
  const whole = { [TEMPLATE]: 'begin acl\n\n  bogus\n' }
  t.same(await lines(sourcesOf(whole, [TEMPLATE], reported)), named(`line 3 of ${TEMPLATE}`))
  const split = { [`${CONF_D}/acl/10_a`]: '  accept\n', [`${CONF_D}/acl/20_b`]: 'a:\n  bogus\n' }
  t.same(
    await lines(sourcesOf(split, Object.keys(split), reported)),
    named(`line 2 of ${CONF_D}/acl/20_b`),
  )
  const own = { generated: '', files: new Map(), complaint: reported.replace('NUMBER', '7') }
  t.same(await lines(own), named('line 7 of /tmp/a/config'))
  t.same(await lines(sourcesOf(whole, [TEMPLATE])), [])
  t.same(await lines(undefined), [])
})

t.test('a directory that the account of Exim may not write is named', async (t) => {
  const directory = openDirectory(t)
  const [logs, spool] = [join(directory, 'logs'), join(directory, 'spool')]
  for (const path of [logs, spool]) mkdirSync(path, { mode: 0o700 })
  const options = `exim_user = nobody\nlog_file_path = syslog : ${logs}/%slog\nno_deliver_drop_privilege\nspool_directory = ${spool}\n`
  const lines = async (program?: string) =>
    linesOf(await checkEximStart(eximThat({ options }, undefined, program)))
  const denied = (path: string) => [
    `error Exim: cannot accept mail: its account nobody may not write to ${path}; chown -R nobody ${path} && chmod u+rwX ${path} && systemctl restart exim`,
  ]
  t.same(await lines(), denied(spool))
  chmodSync(spool, 0o777)
  t.same(await lines(), denied(logs))
  chmodSync(logs, 0o777)
  t.same(await lines(), [])
  const [input, log] = [join(spool, 'input'), join(logs, 'mainlog')]
  mkdirSync(input, { mode: 0o700 })
  t.same(await lines(), denied(input))
  chmodSync(input, 0o777)
  const scan = join(spool, 'scan')
  mkdirSync(scan, { mode: 0o700 })
  t.same(await lines(), denied(scan))
  chmodSync(scan, 0o777)
  writeFileSync(log, '', { mode: 0o644 })
  t.same(await lines(), denied(log))
  chmodSync(log, 0o666)
  t.same(await lines(), [])
  t.match(await lines(log), [
    `error Exim: cannot deliver mail: ${log} is not set-user-ID root; chown root ${log} && chmod u+s ${log}`,
  ])
  chmodSync(directory, 0o700)
  t.match(await lines(), [/ may not write to \S+spool; chmod o\+x \S+ && systemctl restart exim$/])
})

t.test('a file with lines of onescan that Debian does not read is the cause', async (t) => {
  const lines = (files: Readonly<Record<string, string>>, read: readonly string[]) =>
    linesAbout({}, [], { smtp: [], sources: sourcesOf(files, read) })
  const main = `${CONF_D}/main/01_a`
  const dotted = `${CONF_D}/main/00_onescan.conf`
  const text = 'av_scanner = clamd:127.0.0.1 3311\n'
  t.same(await lines({ [main]: 'a = b', [dotted]: text }, [main]), [
    `error Exim: lines for onescan in ${dotted} are not read: update-exim4.conf ignores a file whose name has other characters than letters, digits, "_" and "-"; mv -n ${dotted} ${CONF_D}/main/00_onescan && systemctl restart exim`,
  ])
  t.match(await lines({ [TEMPLATE]: 'a = b', [main]: text }, [TEMPLATE]), [
    /^error Exim: lines for onescan in \S+01_a are not read: the configuration is not split .*; move them to .*localmacros or .*template as doc\/exim\.md shows, then run /,
  ])
  t.match(await lines({ [TEMPLATE]: text, [main]: 'a = b' }, [main]), [
    /^error Exim: lines for onescan in \S+template are not read: the configuration is split .*; move them to files in \S+conf\.d as /,
  ])
  const own = { generated: '', complaint: '', files: new Map([[TEMPLATE, text], [main, text]]) } // biome-ignore format: a line
  t.match(await linesAbout({}, [], { smtp: [], sources: own }), [
    /^error Exim: lines for onescan in \S+template and \S+01_a are not read: Exim reads \/etc\/exim4\/exim4\.conf instead; add them to \/etc\/exim4\/exim4\.conf, then run systemctl restart exim4; or, if you do not need that file, run mv -n /,
  ])
  for (const files of [{ [main]: text }, { [main]: '', [dotted]: '# deny malware = *\n' }])
    t.match(await lines(files, [main]), [/^warning Exim: no router /])
})

t.test('the port at which Exim takes scanned mail back has its own remedy', async (t) => {
  const next = (address: string) =>
    failure(`next server ${address} [onescand]`, 'connection refused', 'start this server')
  t.match(
    withEximReturn(next('127.0.0.1:10026'), () => true),
    {
      value: /^connection refused; Exim runs, and does not listen there \(local_interfaces\)$/,
      remedy: /^sh \/usr\/share\/onescan\/examples\/exim\/exim-debian && systemctl restart exim4$/,
    },
  )
  t.equal(
    withEximReturn(next('127.0.0.1:10026'), () => false),
    undefined,
  )
  t.equal(
    withEximReturn(next('127.0.0.1:26'), () => true),
    undefined,
  )
})
