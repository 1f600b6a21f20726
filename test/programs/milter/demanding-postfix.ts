import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * A main.cf that sets each parameter of this Postfix that refuses, asks, maps, copies, changes or encrypts mail. A
 * message that passes an SMTP server or client with these values once comes out as `MARKS` has it; a hop that they
 * reach once more refuses it, loses it or leaves a mark.
 */
export interface Demands {
  readonly main: Readonly<Record<string, string>>
  /** Options for the client that passes mail to another host: its own values, as if they were not set. */
  readonly defaults: string
}

/** Whom main.cf copies all mail to, each for a reason of its own. */
export const COPIES = ['always@example.org', 'sender@example.org', 'recipient@example.org']

/** What all messages have in their header once if header_checks and milters look at them once. */
export const CHECKED = 'X-Checked'

/** An upper limit for the bytes of a message. */
export const SIZE_MAX = 60_000

interface DemandsOptions {
  /** A directory that every user can read. */
  readonly directory: string
  /** The port of the policy service that each list of restrictions asks. */
  readonly policy: number
  /** The port of a host that is not the next one. */
  readonly other: number
  /** The client that the host takes mail from, and that counts as often as it likes. */
  readonly client: string
}

/** The demands, by the names that `postconf -d` prints. Each pattern must match a parameter of this Postfix. */
export function demandingPostfix(options: DemandsOptions): Demands {
  const printed = execFileSync('postconf', ['-d'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const own = new Map(
    [...printed.toString().matchAll(/^(\w+) = ?(.*)$/gm)].map(([, name, value]) => [name!, value!]),
  )
  const main: Record<string, string> = {}
  for (const [pattern, value] of patterns(options)) {
    const names = [...own.keys()].filter((name) => pattern.test(name))
    if (names.length === 0) throw new Error(`${pattern}: this Postfix has no such parameter`)
    for (const name of names) main[name] ??= value
  }
  const ofClients = Object.keys(main).filter((name) => name.startsWith('smtp_'))
  const unset = (name: string) => (name === 'smtp_line_length_limit' ? '0' : own.get(name))
  const defaults = ofClients.map((name) => `  -o { ${name} = ${unset(name)} }\n`).join('')
  return { main, defaults }
}

/** The first pattern that matches a name counts. */
function patterns({ directory, policy, other, client }: DemandsOptions): [RegExp, string][] {
  const table = (name: string, line: string) => {
    const path = join(directory, name)
    writeFileSync(path, `${line}\n`)
    return `regexp:${path}`
  }
  return [
    // Encrypts, and asks for passwords.
    [/^(smtp|lmtp|smtpd)_tls_security_level$/, 'encrypt'],
    [/^(smtp|lmtp|smtpd)_tls_wrappermode$/, 'yes'],
    [/^(smtp|lmtp|smtpd)_(enforce|use)_tls$/, 'yes'],
    [/^(smtp|lmtp)_tls_policy_maps$/, 'static:encrypt'],
    [/^(smtp|lmtp)_tls_per_site$/, 'static:MUST'],
    [/^(smtp|lmtp|smtpd)_sasl_auth_enable$/, 'yes'],
    [/^(smtp|lmtp)_sasl_password_maps$/, 'static:user:secret'],
    [/^smtpd_upstream_proxy_protocol$/, 'haproxy'],
    [/^(smtp|lmtp|smtpd)_discard_[el]hlo_keywords$/, 'xforward, 8bitmime, dsn, size, pipelining'],
    [/_discard_[el]hlo_keyword_address_maps$/, 'static:xforward'],
    [/^smtp_never_send_ehlo$/, 'yes'],
    // Leads elsewhere, or comes from elsewhere.
    [/^(smtp|lmtp)_fallback_relay$/, `[127.0.0.1]:${other}`],
    [/^(smtp|lmtp)_bind_address$/, '127.0.0.9'],
    [/^(smtp|lmtp)_reply_filter$/, table('replies', '/^2/ 550 5.7.1 no')],
    [/^(smtp|lmtp|default)_delivery_status_filter$/, table('statuses', '/^4(.*)/ 5$1')],
    // Changes.
    [/^(smtp|lmtp)_(mime_|nested_)?header_checks$/, table('sent', '/^Subject:/ PREPEND X-Sent: again')],
    [/^(smtp|lmtp)_body_checks$/, table('body', '/text/ REPLACE changed')],
    [/^(smtp|lmtp)_line_length_limit$/, '50'],
    [/^(smtp|lmtp)_generic_maps$/, table('generic', '/^(.*)@/ $(1).generic@example.com')],
    [/^smtpd_command_filter$/, table('commands', '/^(MAIL FROM:<)(.+)/ $(1)again.$2')],
    // Maps and copies.
    [/^always_bcc$/, COPIES[0]!],
    [/^sender_bcc_maps$/, `static:${COPIES[1]}`],
    [/^recipient_bcc_maps$/, `static:${COPIES[2]}`],
    [/^recipient_canonical_classes$/, 'envelope_recipient'],
    [/^recipient_canonical_maps$/, table('canonical', '/^ben@/ ben.mapped@example.org')],
    [/^header_checks$/, table('header', `/^Subject:/ PREPEND ${CHECKED}: once`)],
    // Asks.
    [/^smtpd_(client|helo|sender|relay|recipient|data|end_of_data)_restrictions$/,
      `check_policy_service inet:127.0.0.1:${policy}, check_client_access inline:{${client}=OK}, reject`],
    [/^smtpd_reject_unlisted_sender$/, 'yes'],
    [/^virtual_alias_domains$/, 'example.net'],
    // Limits.
    [/^smtpd_client_event_limit_exceptions$/, client],
    [/^smtpd_client_(connection|message|recipient|auth)_(count|rate)_limit$/, '1'],
    [/^smtpd_recipient_limit$/, '2'],
    [/^smtpd_timeout$/, '2s'],
    [/^message_size_limit$/, String(SIZE_MAX)],
    [/^strict_rfc821_envelopes$/, 'yes'],
  ] // biome-ignore format: a table
}
