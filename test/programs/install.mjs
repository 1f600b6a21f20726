// Installs the Debian packages that tests need and this machine lacks: without
// recommended packages, removing nothing, starting no service. Only where that
// is safe: as root on Debian, on a machine that handles no mail and has no
// clamd, or where ONESCAN_TEST_INSTALL=1 says that it may be done. Elsewhere
// the tests that need them are skipped by name.
//
// By itself: node test/programs/install.mjs
import { spawnSync } from 'node:child_process'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { findProgram } from '../../packaging/find-program.mjs'
import { apt, firstLine } from './apt.mjs'
import { unpackServers } from './unpack.mjs'

export { findProgram }

const libraries = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`

/** A program, or a file by its absolute path, and the Debian package that has it. */
export const needed = {
  clamd: 'clamav-daemon',
  clamdscan: 'clamdscan',
  clamscan: 'clamav',
  'qpsmtpd-forkserver': 'qpsmtpd',
  // Clients of clamd.
  rspamd: 'rspamd',
  'clamav-milter': 'clamav-milter',
  amavisd: 'amavisd-new',
  'mimedefang-multiplexor': 'mimedefang',
  swaks: 'swaks',
  tcpserver: 'ucspi-tcp',
  tcprules: 'ucspi-tcp',
  rblsmtpd: 'ucspi-tcp',
  postfix: 'postfix',
  envdir: 'daemontools',
  mandoc: 'mandoc',
  openssl: 'openssl',
  gpg: 'gpg',
  bzip2: 'bzip2',
  hexbin: 'macutils',
  tnef: 'tnef',
  uuencode: 'sharutils',
  gcc: 'gcc',
  'clang-format': 'clang-format',
  python3: 'python3',
  strace: 'strace',
  'mkfs.ext4': 'e2fsprogs',
  '/usr/include/stdio.h': 'libc6-dev',
  'musl-gcc': 'musl-tools',
  readelf: 'binutils',
  lintian: 'lintian',
  'dpkg-buildpackage': 'dpkg-dev',
  dh_builddeb: 'debhelper',
  'apt-ftparchive': 'apt-utils',
  make: 'make',
  mmdebstrap: 'mmdebstrap',
  ps: 'procps',
  pidof: 'sysvinit-utils',
  'systemd-analyze': 'systemd',
  '/lib/systemd/systemd-journal-remote': 'systemd-journal-remote',
  freshclam: 'clamav-freshclam',
  'c-icap': 'c-icap',
  [`${libraries}/c_icap/virus_scan.so`]: 'libc-icap-mod-virus-scan',
  yara: 'yara',
  zip: 'zip',
  file: 'file',
  '7z': 'p7zip-full',
  arj: 'arj',
  gcab: 'gcab',
  genisoimage: 'genisoimage',
  slapd: 'slapd',
  dovecot: 'dovecot-core',
  '/usr/lib/dovecot/lmtp': 'dovecot-lmtpd',
  miltertest: 'miltertest',
  opendkim: 'opendkim',
  'opendkim-genkey': 'opendkim-tools',
  m4: 'm4',
  faketime: 'faketime',
  xz: 'xz-utils',
  setfacl: 'acl',
  zstd: 'zstd',
  'redis-server': 'redis-server',
  'redis-sentinel': 'redis-sentinel',
  'redis-cli': 'redis-tools',
  chromium: 'chromium',
  promtool: 'prometheus',
  // Of the newest Node.
  [`${libraries}/libatomic.so.1`]: 'libatomic1',
  // For programs of another processor.
  ...(process.arch === 'x64' && {
    'aarch64-linux-gnu-gcc': 'gcc-aarch64-linux-gnu',
    '/usr/aarch64-linux-gnu/include/stdio.h': 'libc6-dev-arm64-cross',
    'qemu-aarch64-static': 'qemu-user-static',
  }),
  // Containers.
  podman: 'podman',
  'podman-compose': 'podman-compose',
  crun: 'crun',
  catatonit: 'catatonit',
  ip: 'iproute2',
  iptables: 'iptables',
  '/usr/lib/podman/netavark': 'netavark',
  '/usr/lib/podman/aardvark-dns': 'aardvark-dns',
  ripmime: 'ripmime',
  munpack: 'mpack',
  reformime: 'maildrop',
  ruby: 'ruby',
  '/usr/share/perl5/MIME/Parser.pm': 'libmime-tools-perl',
  '/usr/share/perl5/Email/MIME.pm': 'libemail-mime-perl',
  '/usr/share/rubygems-integration/all/specifications/mail-2.7.1.gemspec': 'ruby-mail',
  '/usr/lib/python3/dist-packages/gi/__init__.py': 'python3-gi',
  '/usr/lib/python3/dist-packages/debian/copyright.py': 'python3-debian',
  '/usr/lib/python3/dist-packages/icalendar/__init__.py': 'python3-icalendar',
  '/usr/lib/python3/dist-packages/vobject/__init__.py': 'python3-vobject',
  [`${libraries}/libical.so.3`]: 'libical3',
  [`${libraries}/girepository-1.0/GMime-3.0.typelib`]: 'gir1.2-gmime-3.0',
}

/** What shows that this machine has other work than to run tests. */
const inUse = [
  '/usr/sbin/sendmail',
  '/usr/lib/sendmail',
  '/var/qmail',
  '/var/indimail',
  '/etc/postfix',
  '/etc/exim4',
  '/etc/clamav/clamd.conf',
]

const POLICY = '/usr/sbin/policy-rc.d'

/** The Debian packages that are missing, each of them once. */
export function missingPackages() {
  const missing = Object.entries(needed).filter(([name]) =>
    name.startsWith('/') ? !existsSync(name) : !findProgram(name),
  )
  return [...new Set(missing.map(([, debianPackage]) => debianPackage))]
}

/**
 * Installs missing programs if that is safe, and unpacks further mail servers beside the system. Returns
 * lines for the user. Never throws, since the tests themselves say what they miss.
 */
export function installPrograms(env) {
  return [...installPackages(env), ...unpackServers()]
}

function installPackages(env) {
  const packages = missingPackages()
  if (packages.length === 0) return ['all there']
  const objection = objectionTo(packages, env)
  if (objection) return [...toInstall(packages), `not installed: ${objection}`]
  const trouble = install(packages)
  if (trouble) return [...toInstall(packages), `apt-get: ${trouble}`]
  return [`installed: ${counted(packages)}`]
}

const counted = ({ length }) => `${length} package${length === 1 ? '' : 's'}`

/** What is missing, as a command to copy in lines of at most so many characters. */
export function toInstall(packages) {
  const lines = ['  apt-get install --no-install-recommends']
  for (const name of packages) {
    const last = lines.at(-1)
    if (last.length + name.length + ' '.length + ' \\'.length > WIDTH) lines.push(`    ${name}`)
    else lines[lines.length - 1] = `${last} ${name}`
  }
  const command = lines.map((line, at) => (at < lines.length - 1 ? `${line} \\` : line))
  return [`missing: ${counted(packages)}`, ...command]
}

const WIDTH = 90

function objectionTo(packages, env) {
  if (process.getuid?.() !== 0) return 'only root may'
  if (!existsSync('/etc/debian_version') || !findProgram('apt-get')) return 'this is not Debian'
  const found = inUse.find((path) => existsSync(path))
  if (found && env.ONESCAN_TEST_INSTALL !== '1') {
    return `${found} shows that mail or clamd is set up here; ONESCAN_TEST_INSTALL=1 overrides this`
  }
  let plan = apt(['-s', 'install', ...packages])
  if (plan.status !== 0) {
    apt(['update']) // no package lists yet, or old ones
    plan = apt(['-s', 'install', ...packages])
  }
  if (plan.status !== 0) return firstLine(plan.stderr)
  return /^Remv /m.test(plan.stdout) ? 'apt-get would remove packages' : undefined
}

function install(packages) {
  if (packages.includes('postfix')) leaveUnconfigured()
  const forbidden = forbidServices()
  try {
    let run = apt(['-y', 'install', ...packages])
    if (run.status !== 0) {
      apt(['update']) // old lists name files that the mirror does not have any more
      run = apt(['-y', 'install', ...packages])
    }
    return run.status === 0 ? undefined : firstLine(run.stderr)
  } finally {
    if (forbidden) rmSync(POLICY, { force: true })
  }
}

/** Postfix then writes no main.cf, and its service does not start at the next boot either. */
function leaveUnconfigured() {
  const answer = 'postfix postfix/main_mailer_type select No configuration\n'
  spawnSync('debconf-set-selections', { input: answer, stdio: ['pipe', 'ignore', 'ignore'] })
}

/** Packages ask this file before they start a service; 101 forbids it. True where it was made. */
function forbidServices() {
  if (existsSync(POLICY)) return false
  writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  return true
}

if (process.argv[1] && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const line of installPrograms(process.env)) process.stdout.write(`${line}\n`)
}
