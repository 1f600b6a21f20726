import { execFileSync, spawnSync } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t from 'tap'
import { PACKAGES } from '../../packaging/packages/package-files.mjs'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import { boot, bootMissing } from './booted-debian.ts'
import { debianMissing, makeDebian } from './debian.ts'

/** The source tarball, `make install`, and the RPMs: what hosts other than Debian's are given. */

const root = join(import.meta.dirname, '../..')
const packaging = join(root, 'packaging')
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

/** Runs a script of packaging/ and returns the path that it prints first. */
function make(script: string, ...words: string[]): string {
  const printed = execFileSync(process.execPath, [join(packaging, 'packages', script), ...words], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  return printed.split('\n')[0]!
}

t.test(
  'the tarball builds without network, and what it installs runs on Node',
  { skip: lacks('root', 'gcc', 'make') },
  async (t) => {
    const output = openDirectory(t)
    const first = readFileSync(make('tarball.mjs', '--output', output))
    const tarball = make('tarball.mjs', '--output', output)
    t.ok(first.equals(readFileSync(tarball)), 'the same commit makes the same bytes')
    execFileSync('tar', ['-C', output, '-xzf', tarball])
    const [tree = ''] = readdirSync(output).filter((name) => !name.endsWith('.gz'))
    const stage = join(output, 'stage')
    const install = ['install', `DESTDIR=${stage}`, 'PREFIX=/opt/onescan', 'RUNTIME=node']
    execFileSync('unshare', ['--net', 'sh', '-c', 'umask 077; exec make "$@"', 'sh', ...install], {
      cwd: join(output, tree),
      env: { ...process.env, npm_config_offline: 'true' },
      stdio: 'ignore',
    })
    const at = (path: string) => join(stage, 'opt/onescan', path)
    for (const name of ['sbin/onescand', 'sbin/onescanc', 'bin/onescan']) {
      const { stdout } = spawnSync(at(name), ['--version'], { encoding: 'utf8' })
      t.match(stdout, version, name)
    }
    const unit = readFileSync(at('lib/systemd/system/onescand.service'), 'utf8')
    t.match(unit, '\nExecStart=/opt/onescan/sbin/onescand ')
    t.match(unit, '\nEnvironmentFile=/opt/onescan/share/onescan/defaults/onescand\n')
    const modes = execFileSync('find', [stage, '-type', 'f', '-printf', '%m\n'], {
      encoding: 'utf8',
    })
    t.same([...new Set(modes.trim().split('\n'))].sort(), ['644', '755'])
    // The Node of this test is in a directory of its own.
    const path = `PATH=${dirname(process.execPath)}:/usr/local/bin`
    const script = readFileSync(at('share/onescan/self-test'), 'utf8').replace(/PATH=[^:]*/, path)
    const words = ['-c', script, 'sh', at('lib/onescan')]
    t.match(spawnSync('sh', words, { encoding: 'utf8' }), { status: 0, stderr: '' })
  },
)

/** Sends mail through the link until `stop` exists, and notes each exit code. */
const MAIL_WITHOUT_END = `cd /opt
printf 'Subject: x\\n\\ny\\n' >message
printf 'Fa@example.org\\0Tb@example.org\\0\\0' >envelope
export QUEUECHAIN=/opt/qmail-queue
until [ -e stop ]; do
  /etc/onescan/queue 0<message 1<envelope 2>>errors; echo $? >>codes
done
`

const rpmMissing = debianMissing || lacks('rpm', 'rpmbuild', 'make', 'the compiled programs')

t.test('the RPMs', { skip: rpmMissing }, async (t) => {
  const output = openDirectory(t)
  make('rpm.mjs', '--output', output)
  const files = readdirSync(output).map((name) => join(output, name))
  const fileOf = (name: string) => files.find((path) => path.includes(`/${name}-${version}`))!
  const runtime = fileOf('onescan-runtime')
  /** What most hosts install. */
  const file = `${fileOf('onescan')} ${runtime}`
  const query = (name: string, ...words: string[]) =>
    execFileSync('rpm', ['--query', '--package', ...words, fileOf(name)], { encoding: 'utf8' })

  t.test('has no finding of rpmlint without a reason', { skip: lacks('rpmlint') }, async (t) => {
    const words = ['--config', join(packaging, 'packages/rpmlint.toml'), ...files]
    const { stdout } = spawnSync('rpmlint', words, { encoding: 'utf8' })
    t.match(stdout, `${PACKAGES.length} packages and 0 specfiles checked`)
    t.notMatch(stdout, /: E: /)
  })

  t.test('needs no more than release 8 of RHEL has', async (t) => {
    t.match(query('onescan-runtime', '--requires'), /^glibc >= 2\.17$/m)
    t.match(query('onescan', '--list'), '\n/usr/share/licenses/onescan/LICENSE\n')
    for (const name of PACKAGES)
      t.notMatch(query(name, '--requires'), /nodejs|GLIBC_2\.(29|[3-9]\d)/)
    t.match(query('onescan', '--suggests'), /^onescan-quotad\n[\s\S]*^smtp-delay$/m)
  })

  const debian = await makeDebian(t)
  const at = (path: string) => join(debian.path, path)
  // rpm stands outside: the root is a Debian, which has what the scriptlets call.
  const rpm = (...words: string[]) =>
    debian.run('true', `rpm --root "$1" --nodeps ${words.join(' ')}`)
  const there = (script: string) => debian.run(script).output.trim()

  t.test(
    'makes accounts, directories, settings and the link, and tries the programs',
    async (t) => {
      there('mkdir -p /opt/node_modules/npm; ln -s /opt/node_modules/npm /usr/share/onescan')
      const { code, output } = rpm('--install', file, fileOf('onescan-quotad'))
      t.equal(code, 0, output)
      t.equal(there('ls /opt/node_modules/npm'), '', 'nothing is unpacked into the package of npm')
      t.match(output, 'next, run: systemctl enable --now onescand; onescan check')
      t.notMatch(output, /self-test:|not tested|does not work|do not work/)
      t.equal(there('id -nG onescan'), 'onescan onescan-keys')
      t.equal(there('stat -c "%a %U" /var/lib/onescan/quarantine'), '700 onescan')
      t.equal(there('readlink /etc/onescan/queue'), '/usr/lib/onescan/onescanc')
      t.match(
        there('cat /usr/share/onescan/defaults/onescand'),
        '\nCLAMD="/run/clamd.scan/clamd.sock"',
      )
      t.match(there('onescan --version; onescand --version'), version)
      t.notMatch(rpm('--verify', 'onescan').output, /\/(etc|usr|var)\//, 'owners and modes')
      const places = '/etc/onescan/keys /var/lib/onescan /var/spool/onescan'
      const owners = debian.run('true', `rpm --root "$1" --query --file ${places}`).output
      t.match(owners, /^(onescan-\S+\n){3}/m)
      t.equal(debian.run('sh /usr/share/onescan/self-test').code, 0)
      for (const name of readdirSync(join(packaging, 'shipped/systemd')).filter((name) =>
        /t$|ce$/.test(name),
      ))
        t.equal(
          readFileSync(at(`usr/lib/systemd/system/${name}`), 'utf8'),
          readFileSync(join(packaging, 'shipped/systemd', name), 'utf8'),
          `${name}: what units.test.ts verifies`,
        )
    },
  )

  t.test('an upgrade keeps what the administrator changed, and mail flows meanwhile', async (t) => {
    there(`echo 'REJECTVIRUS="1"' >>/etc/default/onescand; gpasswd -d onescan onescan-keys`)
    writeFileSync(at('opt/mail.sh'), MAIL_WITHOUT_END)
    writeFileSync(at('opt/qmail-queue'), '#!/bin/sh\ncat >/dev/null; cat <&1 >/dev/null\n', {
      mode: 0o755,
    })
    const { code, output } = debian.run(
      'true',
      `chroot "$1" sh /opt/mail.sh & sender=$!
      rpm --root "$1" --nodeps --upgrade --replacepkgs ${file}; code=$?
      sleep 1; touch "$1/opt/stop"; wait $sender; exit $code`,
    )
    t.equal(code, 0, output)
    const codes = there('cat /opt/codes').split('\n')
    t.ok(codes.length > 10, `${codes.length} messages meanwhile`)
    t.same([...new Set(codes)], ['0'], 'each is accepted')
    t.match(there('cat /etc/default/onescand'), '\nREJECTVIRUS="1"')
    t.equal(there('id -nG onescan'), 'onescan')
    t.equal(there('readlink /etc/onescan/queue'), '/usr/lib/onescan/onescanc')
  })

  t.test('its removal points the link to qmail-queue, and keeps settings and mail', async (t) => {
    there('mkdir -p /var/qmail/bin; ln -s /bin/true /var/qmail/bin/qmail-queue')
    const { code, output } = rpm('--erase', 'onescan onescan-quotad onescan-runtime')
    t.equal(code, 0, output)
    t.equal(there('readlink /etc/onescan/queue'), '/var/qmail/bin/qmail-queue')
    t.match(there('ls /etc/default/onescand /var/lib/onescan'), 'quarantine')
    t.same(
      there("find / -xdev -name '*onescan*' -not -path '/opt/*' -not -path '/proc/*' | sort").split(
        '\n',
      ),
      ['/etc/default/onescan-quotad', '/etc/default/onescand', '/etc/onescan', '/var/lib/onescan'],
      'settings, the link and mail alone are left',
    )
  })

  t.test(
    'where a preset disables all units, the page enables the sockets of its ways',
    { skip: bootMissing },
    async (t) => {
      const debian = await makeDebian(t)
      const prepared = debian.run(
        `apt-get install --yes /systemd/*.deb && groupadd postfix && mkdir /var/spool/postfix &&
        echo 'disable *' >/lib/systemd/system-preset/00-all.preset`,
        `mkdir -p "$1/opt/rpm" && cp ${file} "$1/opt/rpm" && rpm --root "$1" --nodeps --install ${file} 2>/dev/null`,
      )
      t.equal(prepared.code, 0, prepared.output)
      const host = await boot(debian)
      t.teardown(() => host.stop())
      // As the scriptlet does where systemd runs.
      host.run(
        'systemctl preset $(cd /usr/lib/systemd/system && ls -d onescan*.socket onescan*.service)',
      )
      t.notMatch(host.run('systemctl list-unit-files "onescan*"').output, ' enabled ')
      const page = readFileSync(join(root, 'doc/install.md'), 'utf8')
      const [line = ''] = /^ +systemctl enable --now clamav-freshclam .*$/m.exec(page) ?? []
      const typed = host.run(line.replace(/ clamav-freshclam clamd@scan/, ''))
      t.equal(typed.code, 0, typed.output)
      const sockets =
        '/run/onescan/qmail.sock /run/onescan/milter.sock /var/spool/postfix/onescan/milter.sock'
      const look = () => {
        t.match(
          host.run(`systemctl is-active onescand; stat -c %F ${sockets}`).output,
          /^active\n(socket\n){3}$/,
        )
      }
      look()
      await host.reboot()
      look()
    },
  )

  t.test('an account of a person is not an account of a service', async (t) => {
    there('usermod --shell /bin/sh --uid 1001 onescan')
    const { code, output } = rpm('--install', file)
    t.not(code, 0)
    t.match(output, 'the account onescan already exists with the login shell /bin/sh')
  })
})
