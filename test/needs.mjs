// What tests need of a machine and what gives it, in one table: programs, files, devices,
// rights and what is built. A test asks `lacks` before it begins, and is skipped by name with
// the reason. test/before-tests.mjs refuses to start a program for which nothing was asked.
//
// Plain JavaScript that needs nothing but Node: test/run.mjs installs what the table names.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { findProgram } from '../packaging/toolchain/find-program.mjs'

export { findProgram }

const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64'
const libraries = `/usr/lib/${machine}-linux-gnu`

/** Programs, by the Debian package that has them. */
const programs = {
  acl: 'setfacl getfacl',
  'amavisd-new': 'amavisd',
  'apt-utils': 'apt-ftparchive',
  arj: 'arj',
  binutils: 'nm objdump readelf strip',
  bzip2: 'bzip2',
  'c-icap': 'c-icap',
  catatonit: 'catatonit',
  'chromium-headless-shell': 'chromium-headless-shell',
  clamav: 'clamscan sigtool',
  'clamav-daemon': 'clamd clamdtop',
  'clamav-freshclam': 'freshclam',
  'clamav-milter': 'clamav-milter',
  clamdscan: 'clamdscan',
  clamsmtp: 'clamsmtpd',
  'clang-format': 'clang-format',
  crun: 'crun',
  curl: 'curl',
  daemontools: 'envdir multilog softlimit supervise svc svstat',
  debhelper: 'dh_builddeb',
  'dovecot-core': 'dovecot doveadm',
  'dovecot-sieve': 'sieve-test',
  'dpkg-dev': 'dpkg-buildpackage dpkg-parsechangelog dpkg-source',
  e2fsprogs: 'mkfs.ext4',
  faketime: 'faketime',
  file: 'file',
  gcab: 'gcab',
  gcc: 'cc gcc',
  genisoimage: 'genisoimage',
  git: 'git',
  'groff-base': 'groff',
  gpg: 'gpg',
  'gpg-agent': 'gpg-agent',
  gpgconf: 'gpgconf',
  iproute2: 'ip',
  iptables: 'iptables',
  lintian: 'lintian',
  'libarchive-tools': 'bsdtar',
  m4: 'm4',
  macutils: 'hexbin',
  maildrop: 'maildirmake.maildrop maildrop reformime',
  make: 'make',
  mandoc: 'mandoc',
  mawk: 'awk',
  mimedefang: 'mimedefang-multiplexor mimedefang',
  miltertest: 'miltertest',
  mmdebstrap: 'mmdebstrap',
  mpack: 'munpack',
  'musl-tools': 'musl-gcc',
  opendkim: 'opendkim',
  'opendkim-tools': 'opendkim-genkey',
  openssl: 'openssl',
  'p7zip-full': '7z',
  passwd: 'useradd groupadd',
  podman: 'podman',
  'podman-compose': 'podman-compose',
  postfix: 'postfix postconf postqueue postsuper postmap sendmail smtp-sink smtp-source',
  procmail: 'procmail',
  procps: 'ps sysctl',
  prometheus: 'promtool',
  python3: 'python3',
  qpsmtpd: 'qpsmtpd-forkserver',
  'redis-sentinel': 'redis-sentinel',
  'redis-server': 'redis-server',
  'redis-tools': 'redis-cli',
  ripmime: 'ripmime',
  rpm: 'rpm rpmbuild',
  rpmlint: 'rpmlint',
  rspamd: 'rspamd',
  ruby: 'ruby',
  sharutils: 'uuencode uudecode',
  slapd: 'slapd slapadd',
  strace: 'strace',
  swaks: 'swaks',
  systemd:
    'journalctl systemctl systemd-analyze systemd-socket-activate systemd-sysusers systemd-tmpfiles',
  tnef: 'tnef',
  'ucspi-tcp': 'rblsmtpd tcprules tcprulescheck tcpserver',
  unzip: 'unzip',
  'xz-utils': 'xz',
  yara: 'yara',
  'ytnef-tools': 'ytnef',
  zip: 'zip',
  zstd: 'zstd',
  ...(process.arch === 'x64' && {
    'gcc-aarch64-linux-gnu': 'aarch64-linux-gnu-gcc',
    'qemu-user-static': 'qemu-aarch64-static',
  }),
}

const python = (name) => `/usr/lib/python3/dist-packages/${name}/__init__.py`

/** Files that are not programs: their name in tests, the Debian package, and what shows that it is there. */
const files = {
  'aardvark-dns': ['aardvark-dns', '/usr/lib/podman/aardvark-dns'],
  'C headers': ['libc6-dev', '/usr/include/stdio.h'],
  'C headers for arm64': ['libc6-dev-arm64-cross', '/usr/aarch64-linux-gnu/include/stdio.h'],
  'c-icap virus_scan': ['libc-icap-mod-virus-scan', `${libraries}/c_icap/virus_scan.so`],
  'dovecot lmtp': ['dovecot-lmtpd', '/usr/lib/dovecot/lmtp'],
  'Email::MIME': ['libemail-mime-perl', '/usr/share/perl5/Email/MIME.pm'],
  GMime: ['gir1.2-gmime-3.0', `${libraries}/girepository-1.0/GMime-3.0.typelib`],
  libatomic: ['libatomic1', `${libraries}/libatomic.so.1`],
  libical: ['libical3', `${libraries}/libical.so.3`],
  'MIME::Parser': ['libmime-tools-perl', '/usr/share/perl5/MIME/Parser.pm'],
  netavark: ['netavark', '/usr/lib/podman/netavark'],
  'python3 debian': ['python3-debian', '/usr/lib/python3/dist-packages/debian/copyright.py'],
  'python3 gi': ['python3-gi', python('gi')],
  'python3 icalendar': ['python3-icalendar', python('icalendar')],
  'python3 vobject': ['python3-vobject', python('vobject')],
  'ruby mail': ['ruby-mail', '/usr/share/doc/ruby-mail'],
  'systemd-journal-remote': ['systemd-journal-remote', '/lib/systemd/systemd-journal-remote'],
}

/** Programs that packages have which every Debian has, and no table needs to name. */
const everywhere = new Set(
  `apt-cache apt-get base64 basename bash cat chgrp chmod chown chroot cp dash dd df diff dpkg
  dpkg-deb dpkg-query du echo env false find flock getent grep gunzip gzip head hostname iconv id
  install kill ldconfig ldd ln ls md5sum mkdir mkfifo mknod mktemp mount mv node npm nsenter perl pidof
  printf prlimit readlink rm rmdir script sed seq setpriv setsid sh sha256sum sleep sort stat stty
  su sync tail tar tee test timeout touch tr true truncate tty umount uname unshare wc xargs zcat`.split(
    /\s+/,
  ),
)

const asRoot = () => process.getuid() === 0
const works = (program, ...words) => spawnSync(program, words, { stdio: 'ignore' }).status === 0
const built = (path) => () => existsSync(new URL(`../${path}`, import.meta.url))

/** What no package brings: how it is asked for, and what a person does about it. */
const conditions = {
  root: [asRoot, 'run as root'],
  mounts: [
    () => asRoot() && works('unshare', '--mount', 'true'),
    'run as root, with CAP_SYS_ADMIN',
  ],
  namespaces: [
    () => works('unshare', '--user', '--map-root-user', '--mount', 'true'),
    'run where users may make namespaces',
  ],
  'another user': [asRoot, 'run as root, which can become another user'],
  'control groups': [
    () => existsSync('/sys/fs/cgroup/cgroup.controllers'),
    'run with cgroup2 mounted',
  ],
  Debian: [() => existsSync('/etc/debian_version'), 'run on Debian'],
  'Debian mirror': [
    () => process.env.ONESCAN_TEST_OFFLINE !== '1',
    'run where apt-get reaches a mirror',
  ],
  x64: [() => process.arch === 'x64', 'run on x64'],
  '/dev/fuse': [() => existsSync('/dev/fuse'), 'run where /dev/fuse is'],
  '/dev/loop': [() => existsSync('/dev/loop-control'), 'run where /dev/loop-control is'],
  'the compiled programs': [
    built('build/native/onescand'),
    'run npm run build:native, with gcc and musl-tools',
  ],
  'the addon': [built(`bin/${machine}/onescan.node`), 'run npm run build with gcc'],
  'the client': [built('build/native/onescanc'), 'run npm run build:client, with gcc'],
  Sendmail: [built('build/sendmail'), 'run npm test on Debian, which unpacks Sendmail'],
  Exim: [built('build/exim'), 'run npm test on Debian, which unpacks Exim'],
  OpenSMTPD: [built('build/opensmtpd'), 'run npm test on Debian, which unpacks OpenSMTPD'],
}

/** Of several needs that go together, one name. */
const together = { 'C compiler': ['cc', 'C headers'] }

const packageOf = new Map(
  Object.entries(programs).flatMap(([name, all]) =>
    all.split(' ').map((program) => [program, name]),
  ),
)

/** Packages that only tests of `npm run test:nightly` need: containers, and the emulator of arm64. */
const ofNightly =
  'aardvark-dns catatonit crun iptables netavark podman podman-compose qemu-user-static'.split(' ')

/** Packages that only tests of `npm run test:all` need, and not `npm test`. */
const ofRest = `amavisd-new apt-utils chromium-headless-shell clamav-milter clang-format
  debhelper dovecot-core dovecot-lmtpd dovecot-sieve dpkg-dev faketime gcc-aarch64-linux-gnu
  gir1.2-gmime-3.0 gpg-agent gpgconf iproute2 libc6-dev-arm64-cross libemail-mime-perl libmime-tools-perl lintian m4
  maildrop make mimedefang mmdebstrap mpack opendkim opendkim-tools procmail
  prometheus python3-debian python3-gi redis-sentinel ripmime rpm rpmlint rspamd ruby
  ruby-mail`.split(/\s+/)

/** The packages that a part of the tests does without. */
const unneeded = { quick: [...ofRest, ...ofNightly], all: ofNightly, nightly: [] }

/** What a test has asked for: packages, and names that have none. */
const asked = new Set()
const answers = new Map()

/** Why this machine cannot run a test that needs all of these, for `skip`; false if it can. */
export function lacks(...names) {
  for (const name of names) asked.add(packageOf.get(name) ?? name)
  return names.map(reasonFor).find(Boolean) ?? false
}

function reasonFor(name) {
  if (!answers.has(name)) answers.set(name, reason(name))
  return answers.get(name)
}

function reason(name) {
  if (everywhere.has(name)) return false
  if (together[name]) return lacks(...together[name])
  if (conditions[name]) return !conditions[name][0]() && conditions[name][1]
  const [from, file] = files[name] ?? [packageOf.get(name), findProgram(name)]
  if (from === undefined) throw new Error(`${name}: test/needs.mjs does not name it`)
  return !(file && existsSync(file)) && `install Debian package ${from}`
}

/** The Debian packages that this machine lacks for a part of the tests (quick, all or nightly), each once. */
export function missingPackages(part) {
  const names = [...packageOf.keys(), ...Object.keys(files)]
  const lacking = names.filter((name) => reason(name))
  const packages = new Set(lacking.map((name) => packageOf.get(name) ?? files[name][0]))
  return [...packages].filter((name) => !unneeded[part].includes(name)).sort()
}

/** The absolute path of a program for which a test has asked; throws if none has. */
export function programPath(name) {
  refuseUndeclared(name)
  const path = findProgram(name)
  if (path === undefined) throw new Error(`${name}: ${reason(name)}`)
  return path
}

/**
 * Throws if a test starts a program that a machine may lack, and has asked for no program of its package. What
 * is in the checkout or a temporary directory is the test's own.
 */
export function refuseUndeclared(word) {
  if (word === '') throw new Error('a program without a name is started: was it built?')
  const isOwn = word.includes('/') && !/^\/(?:usr\/|opt\/)?(?:local\/)?s?bin\//.test(word)
  const name = basename(word)
  if (isOwn || everywhere.has(name) || asked.has(packageOf.get(name))) return
  throw new Error(`${word} is started, and no test has asked lacks('${name}')`)
}
