import { execFileSync } from 'node:child_process'
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { PACKAGES } from '../../packaging/packages/package-files.mjs'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import { type BootedDebian, boot, bootMissing } from './booted-debian.ts'
import { packagingMissing } from './built-package.ts'
import { makeDebian } from './debian.ts'

/**
 * An upgrade from an RPM that contained all programs, with its services running; upgrade.test.ts has that of Debian's
 * packages.
 */

const root = join(import.meta.dirname, '../..')
const skip = packagingMissing || bootMissing || lacks('rpm', 'rpmbuild', 'make')

/**
 * Builds onescan-0.9.0 from the files of today's RPMs, with today's scriptlets of the scanner. It makes the settings and the
 * account of onescan-quotad, too, and restarts both services after an upgrade, as an earlier one did.
 */
function earlierRpm(directory: string, files: readonly string[], scanner: string): string {
  const scriptlet = (tag: string) =>
    execFileSync('rpm', ['--query', '--package', '--queryformat', `%{${tag}}`, scanner], {
      encoding: 'utf8',
    }).replaceAll('%', '%%')
  const unpack = files.map((file) => `rpm2cpio ${file} | (cd %{buildroot} && cpio -idmu --quiet)`)
  const spec = join(directory, 'onescan.spec')
  writeFileSync(
    spec,
    `%global debug_package %{nil}
%global __os_install_post %{nil}
%global _build_id_links none
Name: onescan
Version: 0.9.0
Release: 1
Summary: All programs
License: MIT
AutoReqProv: no
%description
All programs.
%install
mkdir -p %{buildroot}
${unpack.join('\n')}
%files
/usr
%pre
${scriptlet('PREIN')}
%post
${scriptlet('POSTIN')}
make_settings "$old" onescan-quotad
systemd-sysusers onescan-quotad.conf
%preun
${scriptlet('PREUN')}
%postun
test -d /run/systemd/system || exit 0
systemctl daemon-reload || true
test "$1" = 0 || systemctl try-restart onescand.service onescan-quotad.service || true
`,
  )
  const words = ['-bb', '--quiet', '--nodeps', '--define', `_topdir ${directory}`]
  execFileSync('rpmbuild', [...words, '--define', '_binary_payload w1.gzdio', spec])
  const made = readdirSync(join(directory, 'RPMS'), { recursive: true, encoding: 'utf8' })
  return join(directory, 'RPMS', made.find((name) => name.endsWith('.rpm'))!)
}

/** A booted host with rpm, and today's RPMs and the earlier one in /rpm. */
async function hostWithRpms(t: Test, prepare = ':'): Promise<BootedDebian> {
  const output = openDirectory(t)
  const script = join(root, 'packaging/packages/rpm.mjs')
  execFileSync(process.execPath, [script, '--output', output], { cwd: root, stdio: 'ignore' })
  const files = readdirSync(output).map((name) => join(output, name))
  const scanner = files.find((path) => /\/onescan-\d/.test(path))!
  const debian = await makeDebian(t)
  mkdirSync(join(debian.path, 'rpm'))
  copyFileSync(earlierRpm(openDirectory(t), files, scanner), join(debian.path, 'rpm/earlier.rpm'))
  for (const name of PACKAGES) {
    const file = files.find((path) => new RegExp(`/${name}-\\d`).test(path))!
    copyFileSync(file, join(debian.path, `rpm/${name}.rpm`))
  }
  copyFileSync('/etc/resolv.conf', join(debian.path, 'etc/resolv.conf'))
  const { code, output: printed } = debian.run(
    `apt-get update -qq && apt-get install --yes --no-install-recommends /systemd/*.deb rpm && useradd -m you && { ${prepare}; }`,
  )
  if (code !== 0) throw new Error(printed)
  const host = await boot(debian)
  t.teardown(() => host.stop())
  return host
}

/** A host that runs the services of the earlier RPM. */
async function hostWithEarlier(t: Test): Promise<BootedDebian> {
  const host = await hostWithRpms(t)
  const installed = host.run(`rpm --install --nodeps /rpm/earlier.rpm &&
    systemctl enable --now onescand.socket onescand onescan-quotad.socket onescan-quotad &&
    echo '# kept' >>/etc/default/onescan-quotad`)
  if (installed.code !== 0) throw new Error(installed.output)
  return host
}

/** The quota service as it answers, and whether its program is the installed one. */
const QUOTA = `onescan quota you --env QUOTAD=quotad:127.0.0.1:8625
  readlink /proc/$(systemctl show --property MainPID --value onescan-quotad)/exe`
const ANSWERS = /there is space[\s\S]*\/onescan-runtime$/m

const upgrade = (...names: readonly string[]) =>
  `rpm --upgrade --nodeps ${names.map((name) => `/rpm/${name}.rpm`).join(' ')}`

t.test('an upgrade from an RPM that contained all programs', { skip }, async (t) => {
  const host = await hostWithEarlier(t)
  t.match(host.run(QUOTA).output, ANSWERS)

  await t.test('without the package of a running service names it', async (t) => {
    const { output } = host.run(upgrade('onescan', 'onescan-runtime'))
    t.match(
      output,
      'onescan: ERROR: onescan-quotad runs on this host, and has a package of its own',
    )
    t.match(output, 'onescan: WARNING: smtp-delay is in the package smtp-delay now')
    t.match(host.run('systemctl is-active onescand').output, /^active$/m)
    t.match(host.run(QUOTA).output, /there is space[\s\S]*onescan-runtime \(deleted\)$/m)
  })

  await t.test('with the packages of all programs keeps the services running', async (t) => {
    const { code, output } = host.run(upgrade('onescan-quotad', 'smtp-delay'))
    t.equal(code, 0, output)
    const services = 'systemctl is-active onescand onescan-quotad onescan-quotad.socket'
    t.match(host.run(services).output, /^active\nactive\nactive\n$/)
    t.match(host.run(QUOTA).output, ANSWERS)
    t.match(host.run('cat /etc/default/onescan-quotad').output, /^# kept$/m)
    t.match(host.run('smtp-delay --version').output, /^smtp-delay /)
    t.match(host.run('rpm --query --all').output, /^onescan-quotad-/m)
    await host.reboot()
    t.match(host.run(QUOTA).output, ANSWERS, 'after a reboot')
    t.match(host.run(services).output, /^active\nactive\nactive\n$/, 'after a reboot')
  })
})

t.test('an upgrade of all packages in one step keeps the services running', { skip }, async (t) => {
  const host = await hostWithEarlier(t)
  const { code, output } = host.run(upgrade(...PACKAGES))
  t.equal(code, 0, output)
  t.notMatch(output, /ERROR|failed/)
  t.match(host.run('systemctl is-active onescand onescan-quotad').output, /^active\nactive\n$/)
  t.match(host.run(QUOTA).output, ANSWERS)
})

/** The preset of RHEL, and a mail server for whose socket there is a unit. */
const AS_ON_RHEL =
  "groupadd postfix && mkdir /var/spool/postfix && echo 'disable *' >/lib/systemd/system-preset/00-all.preset"
/** What install.md types, without clamd. */
const [enable = ''] =
  /^ +systemctl enable --now clamav-freshclam .*$/m.exec(
    readFileSync(join(root, 'doc/install.md'), 'utf8'),
  ) ?? []
const ENABLE = enable.replace(' clamav-freshclam clamd@scan', '')
const SOCKETS =
  '/run/onescan/qmail.sock /run/onescan/milter.sock /var/spool/postfix/onescan/milter.sock'

t.test('a host that starts no unit on its own: installed, booted, removed', { skip }, async (t) => {
  const host = await hostWithRpms(t, AS_ON_RHEL)
  const installed = host.run(
    'rpm --install --nodeps /rpm/onescan.rpm /rpm/onescan-runtime.rpm /rpm/onescan-quotad.rpm',
  )
  t.equal(installed.code, 0, installed.output)
  t.notMatch(host.run('systemctl list-unit-files "onescan*"').output, / enabled /)
  const typed = host.run(`${ENABLE} && systemctl enable --now onescan-quotad.socket onescan-quotad`)
  t.equal(typed.code, 0, typed.output)
  const runs = () =>
    host.run(`systemctl is-active onescand onescan-quotad; stat -c %F ${SOCKETS}`).output
  t.match(runs(), /^active\nactive\n(socket\n){3}$/)
  await host.reboot()
  t.match(runs(), /^active\nactive\n(socket\n){3}$/, 'after a boot')

  const { code, output } = host.run('rpm --erase --nodeps onescan-quotad onescan onescan-runtime')
  t.equal(code, 0, output)
  const left = () =>
    host.run(
      `systemctl list-units --all --no-legend 'onescan*'; find /etc/systemd -name '*onescan*'; grep -l onescan /proc/[0-9]*/comm`,
    ).output
  t.equal(left(), '', 'nothing runs, or starts')
  await host.reboot()
  t.equal(left(), '', 'nor after a boot')
})
