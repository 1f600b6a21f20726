import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { isWhole } from '../run/is-whole.ts'
import { bareHostMissing, makeBareHost } from './bare-host.ts'
import { packageBeside } from './built-package.ts'

/**
 * Every script of the package, called by root where others have put what they like into every
 * directory that is theirs, or anybody's, under every name that any of the scripts knows, and exchange a
 * directory there for a link meanwhile. Which
 * scripts there are, and what they are called with, the package says.
 */

/** Seconds for a script whose programs have nothing to do; its own limits are 60 and 120. */
const LIMIT = 100

/** Accounts and directories as services that have run leave them. */
const host = `
  groupadd -f postfix; groupadd -f clamav; useradd -M -g clamav clamav 2>/dev/null
  useradd -M mallory 2>/dev/null
  mkdir -p /etc/clamav /var/spool/postfix /service /target /var/qmail/bin /etc/mail-of-mallory
  printf 'LocalSocket /run/clamav/clamd.ctl\\nUser clamav\\n' >/etc/clamav/clamd.conf
  for name in clamd freshclam multilog tcpserver softlimit envdir setuidgid rblsmtpd systemctl \\
    systemd-tmpfiles deb-systemd-invoke deb-systemd-helper; do
    printf '#!/bin/sh\\nexit 0\\n' >/usr/sbin/$name; chmod 755 /usr/sbin/$name
  done
  printf '#!/bin/sh\\n' >/var/qmail/bin/qmail-queue; chmod 755 /var/qmail/bin/qmail-queue
  touch /usr/sbin/clamd
  mkdir -p /own/deep; echo kept >/own/deep/kept
  echo precious >/precious; chmod 600 /precious; : >/ran; chmod 666 /ran`

/** Exchanges each pair of names in /pairs without end, renameat2(2). */
const EXCHANGE = `#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(void) {
  char one[4096], other[4096];
  FILE *pairs = fopen("/pairs", "r");
  for (;; usleep(200)) {
    if (fscanf(pairs, "%4095s %4095s", one, other) != 2) rewind(pairs);
    else renameat2(AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE);
  }
}`

const theirs = `
  for name in clamd freshclam onescand onescan-quotad; do
    install -d -m 750 -o onescan-log -g adm /var/log/$name
  done
  install -d -o clamav -g clamav /run/clamav
  install -d -o onescan -g onescan /run/onescand
  install -d -m 2750 -o onescan -g postfix /var/spool/postfix/onescand
  test ! -d /etc/onescan/keys || chown mallory /etc/onescan/keys
  true`

/** Perl: makes it at $place. */
const puts: Readonly<Record<string, string>> = {
  'a FIFO': 'POSIX::mkfifo($place, 0666)',
  'a link to a file of root': 'symlink "/precious", $place',
  'a link to where root could make a file': 'symlink "/target/made", $place',
  'a link to a device': 'symlink "/dev/zero", $place',
  'a program of his own':
    'open(F, ">", $place); print F "#!/bin/sh\nid -u >>/ran\n"; close F; chmod 0755, $place',
  'a file of a terabyte of nothing': 'open(F, ">", $place); truncate F, 1 << 40; close F',
}

/** `npm run hostile` puts each of them at each name, as `test:nightly` does, and `npm test` one of them. */
const rounds = isWhole ? Object.keys(puts).map((_, index) => index) : [0]

/**
 * For each directory on standard input: what is there is replaced, but for other directories. A directory and a link to one of
 * root's are put there to be exchanged, and all is given to the owner of the directory, or to mallory.
 */
const plant = (round: number) => `use POSIX ();
  use File::Path ();
  my $mallory = getpwnam("mallory");
  my @puts = (${Object.values(puts)
    .map((put) => `sub { my ($place) = @_; ${put} }`)
    .join(',\n')});
  open(N, "<", "/names"); chomp(my @names = <N>);
  open(PAIRS, ">", "/pairs");
  while (my $directory = <STDIN>) {
    chomp $directory;
    for my $index (0 .. $#names) {
      my $place = "$directory/$names[$index]";
      next if -d $place && !-l $place;
      unlink $place;
      $puts[($index + ${round}) % @puts]->($place);
    }
    my @pair = ("$directory/exchanged", "$directory/exchanged.link");
    for my $place (@pair) { -l $place ? unlink $place : File::Path::remove_tree($place) }
    File::Path::make_path("$pair[0]/deep");
    open(F, ">", "$pair[0]/deep/kept"); close F;
    symlink("/own", $pair[1]) && print PAIRS "@pair\n";
    my $owner = (stat $directory)[4] || $mallory;
    opendir(D, $directory);
    for my $place (map { "$directory/$_" } grep { $_ ne "." && $_ ne ".." } readdir D) {
      POSIX::lchown($owner, -1, $place) if (lstat $place)[4] == 0;
    }
  }`

/** Each directory that is not root's, or that others write to; dev, proc and sys are the kernel's. */
const directories = `find / -xdev \\( -path /proc -o -path /sys -o -path /dev -o -path /usr -o -name 'exchanged*' \\) -prune -o \\
  -type d \\( ! -user root -o -perm /002 \\) -print`

t.test('scripts of the package', { skip: bareHostMissing }, async (t) => {
  const bare = await makeBareHost(t)
  const { at, must } = bare
  mkdirSync(at('/control'))
  execFileSync('dpkg-deb', ['--control', bare.package, at('/control')])
  mkdirSync(at('/quotad'))
  execFileSync('dpkg-deb', [
    '--control',
    packageBeside(bare.package, 'onescan-quotad'),
    at('/quotad/control'),
  ])
  execFileSync('cc', ['-static', '-x', 'c', '-o', at('/exchange'), '-'], { input: EXCHANGE })
  must(`${host}\ndpkg -i /onescan.deb /onescan-quotad.deb >/dev/null 2>&1`)

  // A copy: a script may remove itself.
  const scripts = must(`
    for file in /control/*inst /control/*rm /quotad/control/*inst /quotad/control/*rm $(dpkg -L onescan onescan-quotad); do
      test -f $file && test "$(head -c 2 $file)" = '#!' || continue
      mkdir -p /scripts\${file%/*} && cp $file /scripts$file && echo $file
    done`)
    .trim()
    .split('\n')
  const text = new Map(scripts.map((name) => [name, must(`cat /scripts${name}`)]))
  /** With each word that its case at the end knows, in the order in which less is left. */
  const calls = scripts.flatMap((name) => {
    const [, cases] = /^case \$1 in\n([\s\S]*)^esac/m.exec(text.get(name)!) ?? []
    const words = cases?.match(/^ {2}[a-z][a-z |-]*(?=\))/gm) ?? ['']
    return words.flatMap((all) => all.split('|')).map((word) => `${name} ${word.trim()}`.trim())
  })
  const order = [
    '',
    'install',
    'upgrade',
    'configure',
    'triggered',
    'abort',
    'failed',
    'remove',
    'purge',
  ]
  const rank = (call: string) =>
    call.includes('/control/') ? order.findIndex((word) => word && call.includes(` ${word}`)) : 0
  calls.sort((call, other) => rank(call) - rank(other))
  const names = [
    ...new Set([...text.values()].join('\n').match(/(?<=\/)[A-Za-z0-9_][\w.-]*/g)!),
  ].sort()

  t.test('the scripts tried here are those that the package has', async (t) => {
    for (const name of ['preinst', 'postinst', 'prerm', 'postrm']) {
      t.ok(scripts.includes(`/control/${name}`), name)
    }
    t.ok(scripts.filter((name) => name.endsWith('/run')).length >= 8, 'run scripts')
    t.ok(calls.includes('/control/postrm purge') && calls.includes('/control/postinst triggered'))
    t.ok(calls.length >= 25, calls.join('\n'))
    t.ok(
      names.includes('queue.meanwhile') &&
        names.includes('clamd.conf') &&
        names.includes('qmail.sock'),
    )
  })

  writeFileSync(at('/names'), names.map((name) => `${name}\n`).join(''))
  const untouched =
    "stat -c '%n %U:%G %a %s' /precious /etc/shadow /etc/passwd- /root /own /own/deep/kept; ls -A /target; cat /precious /ran"
  for (const round of rounds) {
    // promise: root-clamav-directory
    await t.test(`none is led elsewhere, runs for another, or waits, round ${round}`, async (t) => {
      must('dpkg -i /onescan.deb >/dev/null 2>&1; chown root /etc/onescan/keys')
      const before = must(untouched)
      const lines = calls
        .map((call) => {
          const [name, ...words] = call.split(' ')
          return `plant; code=0; /exchange & exchange=$!
            env $odd timeout --kill-after=2 ${LIMIT} sh /scripts${name} ${words.join(' ')} </dev/null >/output 2>&1 || code=$?
            kill $exchange; wait $exchange 2>/dev/null
            test $code -lt 124 -o $code -gt 137 -o $code -eq 127 || echo "waits: ${call}: $code $(head -c 300 /output)"
            now=$(${untouched}); test "$now" = "$before" || { echo "changed by ${call}: $now"; before=$now; }`
        })
        .join('\n')
      writeFileSync(at('/plant'), plant(round))
      writeFileSync(
        at('/all'),
        `plant() {
          ${theirs}
          ${directories} >/directories
          perl /plant </directories
        }
        before=$(${untouched})
        # What a session of root's, or a program above, may have left in the environment.
        odd="TMPDIR=/tmp CDPATH=/tmp:/run ENV=/tmp/run BASH_ENV=/tmp/run PERL5LIB=/tmp HOME=/tmp SHELL=/tmp/run"
        ${lines}`,
      )
      const { code, output } = bare.run('sh /all')
      t.equal(code, 0, output)
      t.equal(output, '')
      t.equal(must(untouched), before)
    })
  }
})
