/** A Postfix with onescand, as somebody may have set it up. */
export interface PostfixState {
  readonly name: string
  /** Parameters of main.cf. By default the milter is named there, as its page has it. */
  readonly main?: (ports: Ports) => Readonly<Record<string, string>>
  /** What -o sets for the service that takes mail. */
  readonly own?: (ports: Ports) => readonly string[]
  /** More lines of master.cf. */
  readonly services?: (ports: Ports) => string
  /** The options of onescand. By default it listens as a milter. */
  readonly options?: (ports: Ports) => readonly string[]
  readonly settings?: Readonly<Record<string, string>>
  /** What is in onescan.policy. */
  readonly policy?: string
  /** Whether a milter of another program runs. */
  readonly hasOther?: true
  /** Whether onescand does not run. */
  readonly isDown?: true
  /** What check reports about it by rule and by mail, in addition to what is ok. */
  readonly byRule: readonly RegExp[]
  readonly byMail: readonly RegExp[]
  /** Whether, once each remedy that is a command was carried out, nothing is left to complain of. */
  readonly isMended?: true
}

/** Ports of 127.0.0.1, the milter's address, and that of a milter of another program. */
export interface Ports {
  readonly milter: string
  readonly other: string
  readonly filter: number
  readonly behind: number
}

const byMilter = ({ milter }: Ports) => ({
  smtpd_milters: milter,
  non_smtpd_milters: '$smtpd_milters',
  milter_default_action: 'tempfail',
})
const byFilter = ({ filter, behind }: Ports, ...more: readonly string[]) =>
  `--smtp inet:127.0.0.1:${filter} --next inet:127.0.0.1:${behind}`.split(' ').concat(more)
/** The transport and the service that takes mail back, with what -o sets for that. */
const afterQueue = ({ behind }: Ports, ...own: readonly string[]) =>
  [
    'scan unix - - n - 10 smtp\n  -o smtp_data_done_timeout=900s\n  -o smtp_line_length_limit=0\n',
    `127.0.0.1:${behind} inet n - n - - smtpd\n`,
    ...own.map((text) => `  -o ${text}\n`),
  ].join('')
const contentFilter = ({ filter }: Ports) => ({
  content_filter: `scan:[127.0.0.1]:${filter}`,
})

const THROUGH =
  /^error port \d+, EICAR: is accepted, but no log has a line from onescan about it: 250/
const CLEAN_THROUGH =
  /^error port \d+, clean mail: is accepted, but no log has a line from onescan about it: 250/
const around = [CLEAN_THROUGH, THROUGH]

export const states: readonly PostfixState[] = [
  { name: 'the milter is in main.cf', main: byMilter, byRule: [], byMail: [] },
  {
    name: 'the only milter is in master.cf',
    own: ({ milter }) => [`smtpd_milters=${milter}`],
    byRule: [],
    byMail: [],
  },
  {
    name: 'the service of master.cf has no milter',
    main: byMilter,
    own: () => ['smtpd_milters='],
    byRule: [/^error \d+\/inet: uses neither a milter of onescand nor a filter.*; postconf -P /],
    byMail: around,
    isMended: true,
  },
  {
    name: 'no_milters at the service, beside another override',
    main: byMilter,
    own: () => ['receive_override_options=no_milters,no_address_mappings'],
    byRule: [/^error \d+\/inet\/receive_override_options: .*; postconf -P /],
    byMail: around,
    isMended: true,
  },
  {
    name: 'no_milters in main.cf',
    main: (ports) => ({ ...byMilter(ports), receive_override_options: 'no_milters' }),
    byRule: [/^error receive_override_options: is no_milters.*; postconf -e /],
    byMail: around,
    isMended: true,
  },
  {
    name: 'no milter is named at all',
    byRule: [/^error smtpd_milters: uses neither a milter.*; postconf -e /],
    byMail: around,
  },
  {
    name: 'the only milter is of another program',
    hasOther: true,
    main: ({ other }) => ({ smtpd_milters: other, non_smtpd_milters: '$smtpd_milters' }),
    byRule: [
      /^warning smtpd_milters: unix:\S+: may be another filter than onescand; .*; if not, postconf -e /,
    ],
    byMail: around,
    isMended: true,
  },
  {
    name: 'the only milter is of another program, which may use onescand as clamd',
    hasOther: true,
    options: ({ filter }) => ['--clamd', `inet:127.0.0.1:${filter}`],
    main: ({ other }) => ({ smtpd_milters: other, non_smtpd_milters: '$smtpd_milters' }),
    byRule: [
      /^warning smtpd_milters: unix:\S+: it is unknown whether this filter uses onescand as clamd; /,
    ],
    byMail: around,
  },
  {
    name: 'the only milter of a service is of another program, in braces',
    hasOther: true,
    main: byMilter,
    own: ({ other }) => [`{ smtpd_milters = { ${other}, default_action=accept } }`],
    byRule: [
      /^warning \d+\/inet\/smtpd_milters: unix:\S+: may be another filter than onescand; .*; if not, postconf -P /,
    ],
    byMail: around,
    isMended: true,
  },
  {
    name: 'mail gets in while onescand is down',
    main: (ports) => ({ ...byMilter(ports), milter_default_action: 'accept' }),
    byRule: [
      /^error milter_default_action: is accept, so mail is accepted unscanned.*; postconf -e /,
    ],
    byMail: [],
    isMended: true,
  },
  {
    name: 'it gets in by -o milter_default_action=accept',
    main: byMilter,
    own: () => ['milter_default_action=accept'],
    byRule: [/^error \d+\/inet\/milter_default_action: is accept, .*; postconf -P /],
    byMail: [],
    isMended: true,
  },
  {
    name: 'it gets in by braces',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `{ ${ports.milter}, default_action=accept }`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error default_action in smtpd_milters: is accept, .*; postconf -e 'smtpd_milters = \{ .*tempfail/,
    ],
    byMail: [],
    isMended: true,
  },
  {
    name: 'it gets in by braces in braces, beside another option',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `{ ${ports.milter}, { default_action = ACCEPT }, content_timeout=290s }`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error default_action in smtpd_milters: is ACCEPT, .*; postconf -e 'smtpd_milters = \{ unix:\S+, default_action=tempfail, content_timeout=290s \}'/,
    ],
    byMail: [],
    isMended: true,
  },
  {
    name: 'mail of local programs gets in by braces',
    main: (ports) => ({
      ...byMilter(ports),
      non_smtpd_milters: `{ ${ports.milter}, default_action=accept }`,
    }),
    byRule: [
      /^error default_action in non_smtpd_milters: is accept, .*; postconf -e 'non_smtpd_milters = \{ .*tempfail/,
    ],
    byMail: [],
    isMended: true,
  },
  {
    name: 'mail of local programs gets in by main.cf, others by braces are deferred',
    main: (ports) => ({
      ...byMilter(ports),
      milter_default_action: 'accept',
      smtpd_milters: `{ ${ports.milter}, default_action=tempfail }`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [/^error milter_default_action: is accept, .*; postconf -e /],
    byMail: [],
    isMended: true,
  },
  {
    name: 'blanks are around the "=" of an option',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `{ ${ports.milter}, default_action = tempfail }`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error smtpd_milters: .*: default_action is not an option: .*: Postfix defers all mail; postconf -e 'smtpd_milters = \{ unix:\S+, default_action=tempfail \}' /,
    ],
    byMail: [
      /^error port \d+, clean mail: is not accepted, and no log has a line from onescan about it: /,
    ],
    // Not tried once more, as below.
  },
  {
    name: 'no client has a milter',
    main: (ports) => ({ ...byMilter(ports), smtpd_milter_maps: 'cidr:{{0.0.0.0/0 DISABLE}}' }),
    byRule: [
      /^error smtpd_milter_maps: cidr:\S+ DISABLE\}\} has DISABLE for clients such as 192\.0\.2\.1: mail of any client may pass unscanned; /,
    ],
    byMail: around,
  },
  {
    name: 'a table has the milter of onescand for all clients but some',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milter_maps: `cidr:{{10.0.0.0/8 DISABLE}, {0.0.0.0/0 ${ports.milter}}}`,
    }),
    byRule: [
      /^warning smtpd_milter_maps: has clients whose mail is not scanned: "cidr:\{\{10\.0\.0\.0\/8 DISABLE\}/,
    ],
    byMail: [],
  },
  {
    name: 'it gets in by braces of master.cf',
    own: ({ milter }) => [`{ smtpd_milters = { ${milter}, default_action=accept } }`],
    byRule: [
      /^error default_action in \d+\/inet\/smtpd_milters: is accept, so mail is accepted unscanned .*; postconf -P \S+ && /,
    ],
    byMail: [],
    isMended: true,
  },
  {
    name: 'onescand is down, and mail gets in by a word in capitals',
    main: (ports) => ({ ...byMilter(ports), milter_default_action: 'Accept' }),
    isDown: true,
    byRule: [
      /^error milter unix:.*: \S+ does not exist: Postfix accepts mail unscanned; start onescand as /,
      /^error milter_default_action: is Accept/,
    ],
    byMail: around,
  },
  {
    name: 'a filter beside onescan is down, and mail passes without it',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `{ inet:127.0.0.1:9, default_action=accept }, ${ports.milter}`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error milter inet:127\.0\.0\.1:9: nothing listens there: Postfix accepts mail without this filter; start the milter /,
    ],
    byMail: [],
  },
  {
    name: 'onescand is down, and mail is deferred',
    main: byMilter,
    isDown: true,
    byRule: [
      /^error milter unix:.*: \S+ does not exist: Postfix defers all mail; start onescand as /,
    ],
    byMail: [
      /^error port \d+, clean mail: is not accepted, and no log has a line from onescan about it: 451/,
    ],
  },
  {
    name: 'inet6: is named, which Postfix does not know',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: 'inet6:[::1]:8890',
      non_smtpd_milters: '',
    }),
    byRule: [
      /^error smtpd_milters: inet6:\S+: Postfix does not support inet6: here, .*; postconf -e 'smtpd_milters = inet:\[::1\]:8890'/,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, .*: 451/],
  },
  {
    name: 'the options of a milter stand outside braces',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `${ports.milter}, default_action=tempfail`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error smtpd_milters: .*: default_action=tempfail is not the address of a milter: Postfix defers all mail; postconf -e 'smtpd_milters = \{ unix:\S+, default_action=tempfail \}' /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, .*: 451/],
    isMended: true,
  },
  {
    name: 'a brace around a milter is missing',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `{ ${ports.milter}, default_action=tempfail`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error smtpd_milters: \{ .*: a brace is missing: Postfix defers all mail; postconf -e 'smtpd_milters = \{ unix:\S+, default_action=tempfail \}' /,
    ],
    byMail: [
      /^error port \d+, clean mail: is not accepted, and no log has a line from onescan about it: /,
    ],
    // Not tried once more: master(8) waits a minute before it starts an smtpd again that has ended so.
  },
  {
    name: 'a milter is named by its path alone',
    main: (ports) => ({ ...byMilter(ports), smtpd_milters: '/run/milter', non_smtpd_milters: '' }),
    byRule: [
      /^error smtpd_milters: \/run\/milter: \/run\/milter is not the address of a milter: .*; write each milter as unix:PATH/,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, .*: 451/],
  },
  {
    name: 'nothing listens at the port of another milter',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `inet:localhost:${ports.behind}, ${ports.milter}`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error milter inet:localhost:\d+: nothing listens there: Postfix defers all mail; start the milter that should listen at inet:localhost:\d+ \(set in smtpd_milters\)$/,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, .*: 451/],
  },
  {
    name: 'nothing listens at the port of the only milter',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_milters: `inet:127.0.0.1:${ports.behind}`,
      non_smtpd_milters: ports.milter,
    }),
    byRule: [
      /^error milter inet:127\.0\.0\.1:\d+: nothing listens there: .*; if this milter is onescand, postconf -e .*; if not, start the milter /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, .*: 451/],
  },
  {
    name: 'Postfix times out before onescand does',
    main: (ports) => ({ ...byMilter(ports), milter_content_timeout: '60s' }),
    byRule: [
      /^warning milter_content_timeout: is 60s, so Postfix times out before .*; postconf -e /,
    ],
    byMail: [],
    isMended: true,
  },
  {
    name: 'the milter of local mail alone is one that does not run',
    main: (ports) => ({ ...byMilter(ports), non_smtpd_milters: 'inet:127.0.0.1:9' }),
    byRule: [
      /^error non_smtpd_milters: inet:127\.0\.0\.1:9: nothing listens there: Postfix defers all mail that local programs send; postconf -e /,
    ],
    byMail: [],
    isMended: true,
  },
  {
    name: 'mail of local programs is not scanned',
    main: (ports) => ({ ...byMilter(ports), non_smtpd_milters: '' }),
    byRule: [/^warning non_smtpd_milters: .*; postconf -e /],
    byMail: [],
    isMended: true,
  },
  {
    name: 'Postfix defers what onescand refuses',
    main: (ports) => ({ ...byMilter(ports), soft_bounce: 'yes' }),
    byRule: [
      /^warning soft_bounce: is yes, so Postfix defers mail that onescan refuses, .*; postconf -e /,
    ],
    byMail: [/^error port \d+, EICAR: is refused by .*, but the server only defers it.*: 450 /],
    isMended: true,
  },
  {
    name: 'Postfix needs more free space than there is',
    main: (ports) => ({ ...byMilter(ports), queue_minfree: '900000000000000' }),
    byRule: [
      /^error queue of Postfix: needs .* \(queue_minfree\), with .* free in .*: Postfix defers all mail; postconf -X /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, .*: 452 /],
    isMended: true,
  },
  {
    name: 'its largest message is larger than the free space',
    main: (ports) => ({
      ...byMilter(ports),
      message_size_limit: '900000000000000',
      mailbox_size_limit: '0',
      virtual_mailbox_limit: '0',
    }),
    byRule: [
      /^error queue of Postfix: needs .* \(message_size_limit\), with .* free in .*: Postfix defers all mail; free space in /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, .*: 452 /],
  },
  {
    name: 'the policy servers do not run',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_restriction_classes: 'ours',
      ours: 'check_policy_service unix:/run/no-policy',
      smtpd_sender_restrictions: `check_policy_service { inet:127.0.0.1:${ports.behind}, timeout=10s, default_action=DUNNO }`,
      smtpd_recipient_restrictions: `permit_mynetworks, check_policy_service inet:127.0.0.1:${ports.behind}, reject_unauth_destination`,
    }),
    byRule: [
      /^warning check_policy_service inet:\S+: nothing listens there: Postfix answers DUNNO instead; start the policy server /,
      /^error check_policy_service inet:\S+: nothing listens there: Postfix defers the mail for which it asks there; .* or remove it from smtpd_recipient_restrictions and run postfix reload$/,
      /^error check_policy_service unix:\/run\/no-policy: \/run\/no-policy does not exist: .* or remove it from ours and run postfix reload$/,
    ],
    byMail: [],
  },
  // By SMTP
  {
    name: 'after the queue, as its page has it',
    main: contentFilter,
    services: (ports) => afterQueue(ports, 'content_filter='),
    options: (ports) => byFilter(ports, '--after-queue'),
    byRule: [],
    byMail: [],
  },
  {
    name: 'after the queue without --after-queue',
    main: contentFilter,
    services: (ports) => afterQueue(ports, 'content_filter='),
    options: byFilter,
    byRule: [],
    byMail: [
      /^error port \d+, EICAR: is refused .*, after the server accepted it: .*; add --after-queue/,
    ],
  },
  {
    name: 'after the queue, and onescand listens on each address',
    main: contentFilter,
    services: (ports) => afterQueue(ports, 'content_filter='),
    options: ({ filter, behind }) =>
      `--smtp inet:0.0.0.0:${filter} --next inet:127.0.0.1:${behind} --after-queue`.split(' '),
    byRule: [],
    byMail: [],
  },
  {
    name: 'the service behind, on each address, filters again',
    main: contentFilter,
    services: (ports) => afterQueue(ports).replace('127.0.0.1:', ''),
    options: (ports) => byFilter(ports, '--after-queue'),
    byRule: [/^error \d+\/inet: has content_filter = .*, in a loop; postconf -P '?\d/],
    byMail: [/^error port \d+, clean mail: arrived at onescan \d+ times: this is a mail loop/],
  },
  {
    name: 'the service behind filters again',
    main: contentFilter,
    services: afterQueue,
    options: (ports) => byFilter(ports, '--after-queue'),
    byRule: [
      /^error 127\.0\.0\.1:\d+\/inet: has content_filter = .*, in a loop; postconf -P '?127/,
    ],
    byMail: [/^error port \d+, clean mail: arrived at onescan \d+ times: this is a mail loop/],
    isMended: true,
  },
  {
    name: 'content_filter names a transport that is not there',
    main: ({ filter }) => ({ content_filter: `scann:[127.0.0.1]:${filter}` }),
    services: (ports) => afterQueue(ports, 'content_filter='),
    options: (ports) => byFilter(ports, '--after-queue'),
    byRule: [/^error content_filter: is \S+, and master\.cf has no transport scann/],
    byMail: around,
  },
  {
    name: 'before the queue, by the name of this host',
    own: ({ filter }) => [`smtpd_proxy_filter=localhost:${filter}`, 'smtpd_proxy_timeout=900s'],
    services: ({ behind }) => `127.0.0.1:${behind} inet n - n - - smtpd\n`,
    options: byFilter,
    byRule: [],
    byMail: [],
  },
  {
    name: 'before the queue, and Postfix gives up early',
    own: ({ filter }) => [`smtpd_proxy_filter=127.0.0.1:${filter}`],
    services: ({ behind }) => `127.0.0.1:${behind} inet n - n - - smtpd\n`,
    options: byFilter,
    byRule: [/^warning \d+\/inet\/smtpd_proxy_timeout: is 100s, .*; postconf -P /],
    byMail: [],
    isMended: true,
  },
  {
    name: 'before the queue, at a port where nothing listens',
    own: ({ behind }) => [`smtpd_proxy_filter=127.0.0.1:${behind + 1}`, 'smtpd_proxy_timeout=900s'],
    services: ({ behind }) => `127.0.0.1:${behind} inet n - n - - smtpd\n`,
    options: byFilter,
    byRule: [
      /^error \d+\/inet\/smtpd_proxy_filter: is 127\.0\.0\.1:\d+, where nothing listens: Postfix defers the mail of \d+\/inet; postconf -P /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, /],
    isMended: true,
  },
  {
    name: 'before the queue, beside the milter of another program that is down',
    main: () => ({
      smtpd_milters: 'unix:/nonexistent/other.sock',
      milter_default_action: 'tempfail',
    }),
    own: ({ filter }) => [`smtpd_proxy_filter=127.0.0.1:${filter}`, 'smtpd_proxy_timeout=900s'],
    services: ({ behind }) => `127.0.0.1:${behind} inet n - n - - smtpd\n  -o smtpd_milters=\n`,
    options: byFilter,
    byRule: [
      /^error milter unix:\/nonexistent\/other\.sock: .* does not exist: Postfix defers all mail; /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, /],
  },
  {
    name: 'before the queue, and nothing takes mail back',
    own: ({ filter }) => [`smtpd_proxy_filter=127.0.0.1:${filter}`, 'smtpd_proxy_timeout=900s'],
    options: byFilter,
    byRule: [
      /^error master\.cf: has no service at port \d+ of 127\.0\.0\.1, to which onescand passes mail: Postfix defers all mail; sed -n /,
    ],
    byMail: [/^error port \d+, clean mail: /],
  },
  {
    name: 'only another service has the filter before the queue',
    services: ({ filter, behind }) =>
      `127.0.0.1:${behind} inet n - n - - smtpd\ngate pass - - n - - smtpd\n  -o smtpd_proxy_filter=127.0.0.1:${filter}\n  -o smtpd_proxy_timeout=900s\n`,
    options: byFilter,
    byRule: [
      /^error \d+\/inet: passes mail past onescand, which waits for it as an smtpd_proxy_filter: it is not scanned; postconf -P \d+\/inet\/smtpd_proxy_filter=\S+ \d+\/inet\/smtpd_proxy_timeout=900s && /,
    ],
    byMail: around,
    isMended: true,
  },
  {
    name: 'postscreen has no service to which it passes clients',
    main: byMilter,
    services: ({ behind }) => `127.0.0.1:${behind} inet n - n - 1 postscreen\n`,
    byRule: [
      /^error 127\.0\.0\.1:\d+\/inet: runs postscreen, and master\.cf has no service smtpd of type pass .*; postconf -M '?smtpd\/pass=/,
    ],
    byMail: [],
  },
  {
    name: 'after the queue, and main.cf counts on the way to onescand and back',
    main: (ports) => ({
      ...contentFilter(ports),
      smtp_tls_security_level: 'encrypt',
      smtp_fallback_relay: '[127.0.0.1]:9',
      smtp_generic_maps: 'static:changed@example.com',
      smtpd_end_of_data_restrictions: 'check_client_access static:OK',
      always_bcc: 'copy@example.org',
    }),
    services: (ports) =>
      afterQueue(
        ports,
        'content_filter=',
        'smtpd_tls_security_level=encrypt',
        'smtpd_relay_restrictions=permit_sasl_authenticated,reject',
        'smtpd_recipient_restrictions=permit_mynetworks,reject',
        'mynetworks=192.0.2.0/24',
      ).replace(/.*line_length_limit=0\n/, ''),
    options: (ports) => byFilter(ports, '--after-queue'),
    byRule: [
      /^error scan\/unix\/smtp_tls_security_level: encrypt: .*; postconf -P scan\S+=none && postfix reload/,
      /^error scan\/unix\/smtp_fallback_relay: .* unscanned while onescand is down; postconf -P /,
      /^warning scan\/unix\/smtp_line_length_limit: 998: Postfix folds .*; postconf -P /,
      /^warning scan\/unix\/smtp_generic_maps: static:.* before it is scanned; postconf -P /,
      /^warning receive_override_options: is not set, so each copy of always_bcc is sent twice.*; postconf -e 'receive_override_options = no_address_mappings'/,
      /^error 127\.0\.0\.1:\d+\/inet\/smtpd_tls_security_level: encrypt: .*; postconf -P /,
      /^warning 127\.0\.0\.1:\d+\/inet\/smtpd_end_of_data_restrictions: .* are repeated after it; postconf -P /,
      /^error 127\.0\.0\.1:\d+\/inet\/smtpd_relay_restrictions: .* onescand passes back is refused; postconf -P /,
      /^error 127\.0\.0\.1:\d+\/inet\/mynetworks: is 192\.0\.2\.0\/24, and not 127\.0\.0\.1: .*; postconf -P \S+=127\.0\.0\.0\/8 && /,
    ],
    byMail: [
      /^error port \d+, clean mail: is accepted, and waits in the queue|^error port \d+, clean mail: /,
      /^error port \d+, EICAR: /,
    ],
    isMended: true,
  },
  // What onescand does
  {
    name: 'the scanner finds nothing',
    main: byMilter,
    settings: { QHPSI: '/bin/true %s' },
    byRule: [],
    byMail: [/^error port \d+, EICAR: is accepted: onescan reports it as clean/],
  },
  {
    name: 'the scanner takes all mail for infected',
    main: byMilter,
    settings: { QHPSI: '/bin/false %s' },
    byRule: [],
    byMail: [/^error port \d+, clean mail: is reported as infected/],
  },
  {
    name: 'no scanner is named',
    main: byMilter,
    settings: { QHPSI: 'none' },
    byRule: [],
    byMail: [
      /^error port \d+, clean mail: is accepted unscanned \(pass\): QHPSI names no scanner/,
      /^error port \d+, EICAR: is accepted: onescan reports it as pass/,
    ],
  },
  {
    name: 'a rule lets all mail pass',
    main: byMilter,
    policy: '# for a while\nclient=0.0.0.0/0 scan off\n',
    byRule: [],
    byMail: [
      /^error port \d+, clean mail: .*; remove line 2 of the policy file if this mail should be scanned$/,
      /^error port \d+, EICAR: is accepted: .*; the remedy is that for port \d+, clean mail, above$/,
    ],
  },
  {
    name: 'no scanner can answer',
    main: byMilter,
    settings: { QHPSI: 'plugin: clamd', CLAMD: '/nonexistent/clamd' },
    byRule: [],
    byMail: [/^error port \d+, clean mail: is deferred by onescan: /],
  },
  {
    name: 'a table is not there',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_sender_restrictions: 'check_sender_access texthash:/nonexistent/senders',
    }),
    byRule: [
      /^error smtpd_sender_restrictions: Postfix cannot read texthash:\/nonexistent\/senders \(open database \/nonexistent\/senders: No such file or directory\), and defers mail for which it looks there; restore /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, and no log has a line from onescan/],
  },
  {
    name: 'a table is of a type that this Postfix does not have',
    main: (ports) => ({
      ...byMilter(ports),
      smtpd_sender_restrictions: 'check_sender_access sdbm:/etc/hostname',
    }),
    byRule: [
      /^error smtpd_sender_restrictions: Postfix cannot read sdbm:\/etc\/hostname \(.*unsupported dictionary type: sdbm.*\), and defers mail for which it looks there; install the package with tables of this type /,
    ],
    byMail: [/^error port \d+, clean mail: is not accepted, and no log has a line from onescan/],
  },
]
