import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The code of README, doc and man pages: what a test types there, and what it does not, with the reason. */

const root = join(import.meta.dirname, '../..')

export interface CodeBlock {
  readonly page: string
  /** The file of which it is a copy, `packaging/examples/...`, or ''. */
  readonly copyOf: string
  readonly text: string
}

/** All that is typed: blocks of shell in Markdown, and lines of man pages that begin with a prompt. */
export function codeBlocks(): CodeBlock[] {
  const pages = readdirSync(join(root, 'doc')).filter((name) => name.endsWith('.md'))
  const markdown = ['README.md', 'CONTRIBUTING.md', ...pages.map((name) => `doc/${name}`)]
  return [
    ...markdown.flatMap((page) =>
      [...read(page).matchAll(/^( *)(?:<!-- (\S+) -->\n *)?```(\w*)\n([\s\S]*?)^ *```$/gm)]
        .filter(([, , , language]) => language === 'sh')
        .map(([, indent = '', copyOf = '', , text = '']) => ({
          page,
          copyOf,
          text: text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
        })),
    ),
    ...readdirSync(join(root, 'man')).flatMap((name) =>
      [...read(`man/${name}`).matchAll(/^(?:\.Dl [#$]|\$) (.*)$/gm)].map(([, text = '']) => ({
        page: `man/${name}`,
        copyOf: '',
        text: `${text}\n`,
      })),
    ),
  ]
}

const read = (path: string) => readFileSync(join(root, path), 'utf8')

/** Blocks that are not typed by test/packaging/pages.test.ts, by how they begin, with the reason. */
export const notTyped: readonly (readonly [begins: string, why: string])[] = [
  ['apt install --no-install-recommends git npm', 'npm run first-hour -- --by checkout types it'],
  ['npm install -g node@24', 'npm run first-hour -- --by npm types it'],
  ['cp -r /usr/share/onescan/supervise', 'npm run first-hour types it, where no systemd runs'],
  ['svc -t /service/onescand', 'npm run first-hour types it, where no systemd runs'],
  ['ln -s /etc/onescand /service/', 'npm run first-hour -- --by npm types it'],
  ['ln -sfn /var/qmail/bin/qmail-queue', 'test/packaging/setup.test.ts types it'],
  ['npm test', 'it runs this test'],
  ['git config core.hooksPath', 'it is about a checkout'],
  ['apt install gcc libc6-dev musl-tools', 'it is about a release'],
  ['npm ci --ignore-scripts', 'it is about a release'],
  ['systemctl enable onescan-clamd.socket', 'test/programs/clamd-clients asks as such programs do'],
  [`echo 'SCANFAIL_CLAMD="limit"'`, 'test/programs/clamd-clients asks as rspamd does'],
  ['scp -p mx1:', 'it needs a second host'],
  ['install -m 400 -o onescan /dev/null /etc/onescan/valkey', 'it needs a Valkey'],
  ['VERDICTS="valkey', 'it needs a Valkey'],
  ["CLAMD='/run/clamav/clamd.ctl scan1", 'it needs further hosts'],
  ['docker compose', 'test/packaging/container.test.ts runs the composition'],
  ['# rspamd lets mail in if', 'test/programs/clamd-clients asks as rspamd does'],
  ['# Keep viruses instead of refusing', 'test/packaging/container.test.ts runs the composition'],
  ['QUOTAD="quotad:192.0.2.10', 'it is a setting, of a second host'],
  ['cp /usr/share/doc/onescan/examples/run-delay-gate', 'it needs qmail under supervise'],
  [
    'cp /usr/share/doc/onescan/examples/smtp-delay.socket',
    'test/delay/gate/unit.test.ts runs them',
  ],
  ['MAILTO=', 'it is a line of crontab(5)'],
  ['sigtool --', 'it needs the file of a false alarm'],
  ['echo Win.Test.Tool-1', 'it needs a false alarm'],
  ['clamdscan --reload', 'no clamdscan is installed with clamd'],
  ['onescan bans > ', 'test/cli runs it'],
  ['clamscan --database=', 'no clamscan is installed with clamd'],
  ['install -m 644 /tmp/onescan-bans.cdb', 'it needs the file of the line above'],
  [
    'cp /usr/share/doc/onescan/examples/onescan-bans',
    'test/packaging/units.test.ts reads the units',
  ],
  ['systemctl daemon-reload', 'it needs the units of the line above'],
  ['systemctl enable --now onescan-bans.path', 'it needs the units of a line above'],
  ['systemctl start onescan-bans.service', 'it needs a clamd of the host'],
  ['onescan quarantine show [--raw] ID', 'it is a synopsis'],
  ['onescan quarantine delete ID ...', 'it is a synopsis'],
  ['onescan quarantine release ID', 'it is a synopsis'],
  ['onescan bans', 'test/cli runs it'],
  ['onescan policy test FROM TO', 'it is a synopsis'],
  ['onescan scan --env', "they need mail in root's and a user's home"],
  ['onescan check --user qmaild --envdir', 'it needs qmail under supervise'],
  ['smtp-delay --explain', 'test/delay/explain.test.ts runs it'],
  ["echo 'REJECTVIRUS=\"1\"' >>/etc/default/onescand\nsystemctl restart onescand\ncat /usr/share/doc/onescan/examples/sendmail.mc", 'npm run first-hour -- --server sendmail types what differs, and Postfix excludes it'], // biome-ignore format: a line
  ["cat >>/etc/default/onescand <<'END'\nREJECTVIRUS=\"1\"\nONESCAND_OPTIONS=\"--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --smtp", 'test/programs/exim-debian.test.ts runs it, and Postfix excludes Exim'], // biome-ignore format: a line
  ["cat >>/etc/default/onescand <<'END'\nREJECTVIRUS=\"1\"\nONESCAND_OPTIONS=\"--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026\"\n", 'test/documents/mta-examples.test.ts and smtp-postfix.test.ts run it'], // biome-ignore format: a line
  ["cat >>/etc/default/onescand <<'END'\nONESCAND_OPTIONS=\"--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --after-queue\"\nEND\nsystemctl restart onescand\n```", 'OpenSMTPD: test/programs runs it, and Postfix excludes it'], // biome-ignore format: a line
  ["cat >>/etc/default/onescand <<'END'\nONESCAND_OPTIONS=\"--lmtp", 'test/programs/smtp-dovecot.test.ts runs it'], // biome-ignore format: a line
]

/** A block that is typed on an installed host, one after the other, and what then must be seen. */
export interface TypedBlock {
  readonly page: string
  /** How it begins. */
  readonly begins: string
  /** What is typed before, as a host has it that comes so far. */
  readonly before?: string
  /** The names of a page that are the reader's own, by what he has. */
  readonly own?: Readonly<Record<string, string>>
  /** The highest exit code; 0 by default. */
  readonly code?: number
  /** What it prints. */
  readonly prints?: RegExp
  /** A command, and what it prints afterwards. */
  readonly shows?: readonly [string, RegExp]
}

const EICAR_MAIL = `printf 'Subject: x\\n\\n%s%s\\n' 'X5O!P%@AP[4\\PZX54(P^)7CC)7}' '$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'`
const kept = 'onescan quarantine list --json | sed -n \'s/.*"id":"\\([^"]*\\)".*/\\1/p\' | head -1'

export const typed: readonly TypedBlock[] = [
  {
    page: 'README.md',
    begins: `echo 'REJECTVIRUS="1"' >>/etc/default/onescand\nsystemctl restart onescand\nsh /usr`,
    code: 1,
    prints: /^ok +port 25, EICAR: (?:is )?refused/m,
  },
  {
    page: 'doc/mail-servers.md',
    begins: `echo 'REJECTVIRUS="1"' >>/etc/default/onescand\nsh /usr/share/doc/onescan/examples/postfix-milter`,
    prints: /^postfix-milter: all is there$/m,
  },
  {
    page: 'doc/install.md',
    begins: 'postconf -n | grep',
    code: 2, // not each of these files is there
    prints: /^smtpd_milters = .*onescan[\s\S]*^\/etc\/postfix\/main\.cf$/m,
  },
  {
    page: 'doc/install.md',
    begins: 'onescan backup',
    prints:
      /^\/etc\/onescan: \d+ files?, [\s\S]*to restore them: tar -C \/ -xpzf \/root\/onescan-/m,
  },
  {
    page: 'doc/cluster.md',
    begins: 'onescan keygen --append',
    prints: /it signs from now on/,
    shows: [
      'onescan check --daemon; true',
      /has .*CLUSTERKEYS="\/etc\/onescan\/keys\/clusterkeys"/,
    ],
  },
  {
    page: 'doc/cluster.md',
    begins: 'onescan keygen --rotate',
    prints: /# 3\. .*\nonescan keygen --retire \/etc\/onescan\/keys\/clusterkeys/,
  },
  {
    page: 'doc/operate.md',
    begins: 'onescan log --since today --decision reject',
    before: 'journalctl --sync',
    code: 1,
    prints: /reject.*EICAR/i,
  },
  {
    page: 'doc/operate.md',
    begins: `echo 'ONESCAND_OPTIONS="--http`,
    shows: [
      'for i in $(seq 50); do curl -sf http://127.0.0.1:9808/healthz && break; sleep 0.2; done',
      /EICAR was found/,
    ],
  },
  {
    page: 'doc/operate.md',
    begins: "sed -i '/^REJECTVIRUS=/d'",
    shows: [
      `sleep 3; ${EICAR_MAIL} | sendmail -f ann@example.net you@example.org; sleep 8; onescan quarantine list`,
      /EICAR/i,
    ],
  },
  {
    page: 'doc/operate.md',
    begins: 'onescan quarantine list --since 1h',
    own: { ID: `$(${kept})` },
    code: 2, // without a key that may release, release says so
    prints: /EICAR/i,
  },
  {
    page: 'doc/operate.md',
    begins: "onescan allow ann@example.net --signature 'Win.Test.*'",
    prints:
      /policy line 1: from=ann@example\.net,signature=Win\.Test\.\* allow\nit counts from the next message on/,
  },
  {
    page: 'doc/operate.md',
    begins: 'onescan policy test ann@example.net lab@example.org',
    before: `printf 'to=lab@example.org REJECTVIRUS=0\\n' >/etc/onescan/policy`,
    prints: /policy line 1: REJECTVIRUS="0"/,
  },
  {
    page: 'doc/qmail.md',
    begins: 'onescan inject - <mail.eml',
    before: `printf 'From: ann@example.org\\nSubject: x\\n\\nhello\\n' >mail.eml`,
    prints: /X-QHPSI: clean/,
  },
  {
    page: 'README.md',
    begins: 'sh /usr/share/doc/onescan/examples/qmail-rules\nonescan check',
    before: `echo ':allow' >/etc/tcp.smtp`,
    code: 2,
    prints: /^qmail-rules: done; /m,
  },
  {
    page: 'doc/qmail.md',
    begins: 'sh /usr/share/doc/onescan/examples/qmail-rules',
    prints: /^qmail-rules: all is there$/m,
  },
  {
    page: 'doc/qmail.md',
    begins: 'sh /usr/share/doc/onescan/examples/make-envdir',
    shows: ['cat /service/smtpd/env/QMAILQUEUE', /^\/etc\/onescan\/queue$/m],
  },
  {
    page: 'doc/qmail.md',
    begins: 'diff /service/smtpd/run',
    before: 'cp /usr/share/doc/onescan/examples/run /service/smtpd/run',
  },
  {
    page: 'doc/mail-servers.md',
    begins: `cat >>/etc/default/onescand <<'END'\nONESCAND_OPTIONS="--smtp inet:127.0.0.1:10025 --next inet:127.0.0.1:10026 --after-queue"\nEND\nsystemctl restart onescand\ncat`,
    shows: ['postconf -h content_filter', /^scan:\[127\.0\.0\.1\]:10025$/m],
  },
  {
    page: 'doc/quota-and-delay.md',
    begins: 'systemctl enable --now onescan-quotad.socket onescan-quotad',
    shows: ['systemctl is-active onescan-quotad', /^active$/m],
  },
  { page: 'man/onescan.1', begins: 'onescan completion >>', prints: /^$/ },
]
