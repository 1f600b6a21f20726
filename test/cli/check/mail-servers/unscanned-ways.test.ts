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
  readonly expect: RegExp
  /** The commands of the remedy, with `postfix reload` left out; undefined if a person edits a file. */
  readonly remedy?: readonly (readonly string[])[]
}

const ways: readonly Way[] = [
  {
    name: '-o smtpd_milters= at the service of port 25',
    master: 'smtp inet n - n - - smtpd\n  -o smtpd_milters=\n',
    expect: /^error smtp\/inet\/smtpd_milters: "" in master\.cf: its mail is not scanned/,
    remedy: [['-PX', 'smtp/inet/smtpd_milters']],
  },
  {
    name: 'another milter alone at submission',
    master:
      'smtp inet n - n - - smtpd\nsubmission inet n - n - - smtpd\n  -o smtpd_milters=inet:127.0.0.1:9\n',
    expect: /^error submission\/inet\/smtpd_milters: "inet:127\.0\.0\.1:9" in master\.cf/,
    remedy: [['-PX', 'submission/inet/smtpd_milters']],
  },
  {
    name: 'no_milters at a service',
    master: 'smtp inet n - n - - smtpd\n  -o receive_override_options=no_milters\n',
    expect: /^error smtp\/inet\/receive_override_options: no_milters/,
    remedy: [['-PX', 'smtp/inet/receive_override_options']],
  },
  {
    name: 'no_milters in main.cf',
    main: 'receive_override_options = no_address_mappings, no_milters\n',
    expect: /^error receive_override_options: no_milters in main\.cf: no mail is scanned/,
    remedy: [['-e', 'receive_override_options=no_address_mappings']],
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
    remedy: [['-X', 'content_filter']],
  },
  {
    name: 'smtpd_proxy_filter in main.cf',
    main: 'smtpd_proxy_filter = 127.0.0.1:10025\n',
    expect: /^error smtpd_proxy_filter: 127\.0\.0\.1:10025 in main\.cf: .*a loop; postconf -X/,
    remedy: [
      ['-X', 'smtpd_proxy_filter'],
      ['-P', 'smtp/inet/smtpd_proxy_filter=127.0.0.1:10025'],
    ],
  },
]

function host(t: Test, milter: string, { main = '', master }: Partial<Way>) {
  const directory = openDirectory(t)
  mkdirSync(join(directory, 'queue'))
  const text = `compatibility_level = 3.6
queue_directory = ${directory}/queue
smtpd_milters = ${milter}
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
        running: [],
      })
    )
      .filter(({ level }) => level !== 'ok')
      .map(({ level, what, value, remedy }) => `${level} ${what}: ${value}; ${remedy}`)
  return { directory, complaints }
}

t.test('ways around the milter', { skip }, async (t) => {
  const milter = `inet:127.0.0.1:${await freePort()}`
  const daemon = startOnescand(t, { args: ['--milter', milter], settings })
  await daemon.logged(/serving/)
  for (const way of ways) {
    t.test(way.name, async (t) => {
      const { directory, complaints } = host(t, milter, way)
      const found = await complaints()
      t.match(found, [way.expect])
      t.equal(found.length, 1)
      if (way.remedy === undefined) return
      for (const words of way.remedy) execFileSync('postconf', ['-c', directory, ...words])
      t.same(await complaints(), [], readFileSync(join(directory, 'main.cf'), 'utf8'))
    })
  }
  t.test('the service behind a filter needs no milter', async (t) => {
    const master =
      'smtp inet n - n - - smtpd\n127.0.0.1:10026 inet n - n - - smtpd\n  -o smtpd_milters=\n'
    t.same(await host(t, milter, { master }).complaints(), [])
  })
})
