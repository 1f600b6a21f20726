// biome-ignore-all lint/suspicious/noTemplateCurlyInString: sources are quoted

// Where regular expressions may take more than linear time: what they are matched against is
// not mail, nor anything else that somebody outside can make as long as he wants.

/** Files, or directories with an end of `/`, below src/. */
export const trustedPlaces = {
  'cli/check/':
    'configuration and state of this host, which its operator wrote, and what its programs print',
}

/** Single expressions, as `/pattern/flags` or the call that makes them. */
export const trusted = [
  {
    file: 'cli/shared/slot-environment.ts',
    expression: '/[ \\t]+$/',
    why: 'a line of an envdir of the operator',
  },
  {
    file: 'cluster/keyring.ts',
    expression: '/[ \\t\\r]+$/',
    why: 'a line of the keyring, which only root and the operator write',
  },
  {
    file: 'cluster/keyring.ts',
    expression: '/=+$/',
    why: 'a secret of the keyring',
  },
  {
    file: 'ldap/ldap-settings.ts',
    expression: '/^\\(.*%[und].*\\)$/',
    why: 'a setting',
  },
  {
    file: 'quotad/service-settings.ts',
    expression: '/(?<=.)\\/+$/',
    why: 'a setting',
  },
  {
    file: 'quotad/sources/users.ts',
    expression: '/(?<=.)\\/+$/',
    why: 'a home of passwd(5)',
  },
  {
    file: 'quotad/sources/table-file.ts',
    expression: '/^([^:\\s]+)\\s*:\\s*(.+)$/',
    why: 'a line of a table of the operator',
  },
  {
    file: 'runtime/bun-libc.ts',
    expression: '/\\/\\S*\\/ld-musl-\\w+\\.so\\.1$/m',
    why: 'proc(5) of this process',
  },
  {
    file: 'smtp-delay/options.ts',
    expression: '/^(\\d+\\.?\\d*|\\.\\d+)$/',
    why: 'a setting',
  },
  {
    file: 'smtp-delay/written-address.ts',
    expression: '/(?:\\b|(?<=_|x))0([-._x]0)+\\b/',
    why: 'the eight groups of an IPv6 address',
  },
  {
    file: 'visible/report/words.ts',
    expression: '/\\B(?=(\\d{3})+$)/g',
    why: 'the digits of a number',
  },
  {
    file: 'doors/http/access.ts',
    expression: 'new RegExp(`^[!-~]{${TOKEN_MIN},}$`)',
    why: 'a run of one class between two anchors; the file of a token of the operator',
  },
  {
    file: 'judge/decide.ts',
    expression: "new RegExp(`^${source}$`, 'is')",
    why: 'a pattern of the operator and the name of a signature, one line of a scanner',
  },
  {
    file: 'quotad/privileges.ts',
    expression: "new RegExp(`^${name}:\\\\s*([0-9a-f]+)$`, 'm')",
    why: 'proc(5) of this process',
  },
  {
    file: 'verdicts/fields.ts',
    expression: 'new RegExp(`[^\\\\n]{${FREE_LINE_MAX + 1}}`)',
    why: 'one class, so many times: each start ends at the next LF or matches',
  },
]
