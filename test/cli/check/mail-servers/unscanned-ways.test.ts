import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkPostfix } from '../../../../src/cli/check/mail-servers/postfix.ts'
import { readAccounts } from '../../../../src/readiness/account.ts'
import { startOnescand } from '../../../doors/daemon/process.ts'
import { freePort } from '../../../programs/free-port.ts'
import { findProgram } from '../../../programs/install.mjs'
import { openDirectory } from '../../../programs/reachable.ts'

/** A milter that is well, and a Postfix that does not ask it; each remedy is tried. */

const skip = !findProgram('postconf') && 'install Debian package postfix'
const settings = { QHPSI: 'plugin: eicar', REJECTVIRUS: '1' }

interface Way {
  readonly name: string
  readonly main?: string
  readonly master?: string
  /** smtpd_milters, with that of onescand and that of another program. Default: onescand's. */
  readonly milters?: (onescand: string, other: string) => string
  readonly expect: RegExp
  /** What a person does who reads a remedy that is no command: words of postconf. */
  readonly byHand?: readonly string[]
}

const ways: readonly Way[] = [
  {
    name: '-o smtpd_milters= at the service of port 25',
    master: 'smtp inet n - n - - smtpd\n  -o smtpd_milters=\n',
    expect: /^error smtp\/inet\/smtpd_milters: "" in master\.cf: its mail is not scanned/,
  },
  {
    name: 'another milter alone at submission',
    master:
      'smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd\n  -o smtpd_milters=inet:127.0.0.1:9\n',
    expect: /^error submission\/inet\/smtpd_milters: "inet:127\.0\.0\.1:9" in master\.cf/,
  },
  {
    name: 'no_milters at a service',
    master: 'smtp inet n - n - - smtpd\n  -o receive_override_options=no_milters\n',
    expect: /^error smtp\/inet\/receive_override_options: no_milters/,
    byHand: ['-PX', 'smtp/inet/receive_override_options'],
  },
  {
    name: 'no_milters in main.cf',
    main: 'receive_override_options = no_address_mappings, no_milters\n',
    expect: /^error receive_override_options: no_milters in main\.cf: no mail is scanned/,
    byHand: ['-e', 'receive_override_options=no_address_mappings'],
  },
  {
    name: 'smtpd_milter_maps',
    main: 'smtpd_milter_maps = cidr:/etc/postfix/milters\n',
    expect: /^warning smtpd_milter_maps: cidr:\S+: clients in it have milters of their own/,
  },
  {
    name: 'a content_filter whose transport is not in master.cf',
    main: 'content_filter = scan:[127.0.0.1]:10025\n',
    expect: /^error content_filter: \S+: master\.cf has no transport scan/,
  },
  {
    name: 'smtpd_proxy_filter in main.cf',
    main: 'smtpd_proxy_filter = 127.0.0.1:10025\n',
    expect: /^error smtpd_proxy_filter: 127\.0\.0\.1:10025 in main\.cf: .*a loop; postconf -X/,
  },
  {
    name: 'no milter at all',
    milters: () => '',
    expect: /^error smtpd_milters: no milter of onescand is named/,
  },
  {
    name: 'the milter of another program alone, which stays',
    milters: (_, other) => other,
    expect:
      /^error smtpd_milters: no milter of onescand is named: .*; postconf -e 'smtpd_milters = inet:\S+, inet:/,
  },
  {
    name: 'mail gets in while the milter is down',
    main: 'milter_default_action = accept\n',
    expect: /^error milter_default_action: accept: mail gets in unscanned/,
  },
  {
    name: 'mail is refused for good while the milter is down',
    main: 'milter_default_action = reject\n',
    expect: /^warning milter_default_action: reject/,
  },
  {
    name: 'mail gets in while one of two milters is down',
    milters: (onescand, other) => `${other}, { ${onescand}, default_action=accept }`,
    expect: /^error milter_default_action: accept: mail gets in unscanned/,
  },
  {
    name: 'Postfix gives up before a scan does',
    main: 'milter_content_timeout = 60s\n',
    expect: /^warning milter_content_timeout: 60s: Postfix gives up before/,
  },
  {
    name: 'mail of local programs is not scanned',
    main: 'non_smtpd_milters =\n',
    expect: /^warning non_smtpd_milters: mail of local programs, .*, is not scanned/,
  },
]

function host(t: Test, places: readonly [string, string], way: Partial<Way>) {
  const { main = '', master, milters = (milter) => milter } = way
  const directory = openDirectory(t)
  mkdirSync(join(directory, 'queue'))
  const text = `compatibility_level = 3.6
queue_directory = ${directory}/queue
smtpd_milters = ${milters(...places)}
non_smtpd_milters = $smtpd_milters
milter_default_action = tempfail
${main}`
  writeFileSync(join(directory, 'main.cf'), text)
  writeFileSync(join(directory, 'master.cf'), master ?? 'smtp inet n - n - - smtpd\n')
  const complaints = async () =>
    (
      await checkPostfix({
        directory,
        accounts: readAccounts(),
        defaults: join(directory, 'none'),
        running: ['--milter', places[0]],
      })
    )
      .filter(({ level }) => level !== 'ok')
      .map(({ level, what, value, remedy }) => `${level} ${what}: ${value}; ${remedy}`)
  return { directory, complaints }
}

/** The commands of postconf in a remedy, with `postfix reload` left out. */
const commandsIn = (remedy: string) =>
  [...remedy.matchAll(/postconf (-\w+) (?:'([^']*)'|(\S+?))(?=[,;]? )/g)].map(
    ([, option, quoted, plain]) => [option!, (quoted ?? plain)!],
  )

t.test('ways around the milter', { skip }, async (t) => {
  const places = [
    `inet:127.0.0.1:${await freePort()}`,
    `inet:127.0.0.1:${await freePort()}`,
  ] as const
  const others = [settings, {}]
  for (const [index, place] of places.entries()) {
    const daemon = startOnescand(t, { args: ['--milter', place], settings: others[index]! })
    await daemon.logged(/serving/)
  }
  for (const way of ways) {
    t.test(way.name, async (t) => {
      const { directory, complaints } = host(t, places, way)
      const [found = '', ...more] = await complaints()
      t.match(found, way.expect)
      t.same(more, [])
      const commands = way.byHand ? [way.byHand] : commandsIn(found)
      if (way.name === 'smtpd_milter_maps') return // whether its clients are scanned is not known
      t.ok(commands.length > 0, found)
      for (const words of commands) execFileSync('postconf', ['-c', directory, ...words])
      t.same(await complaints(), [], readFileSync(join(directory, 'main.cf'), 'utf8'))
    })
  }
  t.test('the service behind a filter needs no milter', async (t) => {
    const master =
      'smtp inet n - n - - smtpd\n127.0.0.1:10026 inet n - n - - smtpd\n  -o smtpd_milters=\n'
    t.same(await host(t, places, { master }).complaints(), [])
  })
})
