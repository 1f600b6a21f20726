/**
 * Wrong settings. Every door answers them alike: the slot, with or without onescand, ends with 55
 * and logs the reason; onescand itself does not start.
 */
export interface BadSetting {
  /** The settings, besides QHPSI, which is set unless `unscanned` is. */
  readonly settings: Readonly<Record<string, string>>
  /** Matches the log line. */
  readonly reason: RegExp
  /** Set if nothing is scanned, and only quotas count. */
  readonly unscanned?: true
  /** Set if the setting is a client's, and onescand has its own value. */
  readonly noDaemon?: true
  /** Set if CLUSTERKEYS names a keyring, too. */
  readonly ring?: true
  /** Set if onescand does not need the setting, and onescanc does not send it. */
  readonly notAsked?: true
  /** Set if only onescand reads the setting. */
  readonly onlyDaemon?: true
}

const quota = { QUOTAD: 'quotad:127.0.0.1:9' }

export const badSettings: readonly BadSetting[] = [
  ...wholeNumbers('SCANTIMEOUT', 'abc', '0', '-1', '1.5', '86401', '9999999999999999999', '5s'),
  ...wholeNumbers('QHPSIRC', 'x', '256'),
  ...wholeNumbers('QHPSIRN', 'x', '-1'),
  ...ofBytes('QHPSIMINSIZE', 'many', '1T', '-1'),
  ...ofBytes('QHPSIMAXSIZE', 'many', '10MB'),
  ...ofBytes('CLAMDMAXSIZE', 'big'),
  ...[{ QHPSIRC: '0' }, { QHPSIRN: '1' }].map((settings) => ({
    settings,
    reason: /QHPSIRC [01]: is also QHPSIRN, and would mean infected and clean; set another code/,
  })),
  {
    settings: { QHPSIMINSIZE: '2K', QHPSIMAXSIZE: '2047' },
    reason: /QHPSIMINSIZE 2048: is larger than QHPSIMAXSIZE 2047, so that nothing is scanned/,
  },
  ...[
    ...words('SCANFAIL_CLAMD', 'accept'),
    ...wholeNumbers('VERDICTMAXAGE', 'long', '86401'),
    ...eachOf('VERDICTS', ['disk', 'unix:relative'], 'memory, off, '),
  ].map((setting): BadSetting => ({ ...setting, onlyDaemon: true })),
  ...words('SCANFAIL', 'maybe', 'ACCEPT'),
  ...words('CLUSTERPEERS', 'some').map(withRing),
  ...wholeNumbers('CLUSTERMAXAGE', 'old', '-5').map(withRing),
  ...words('OVERSIZE', 'pass'),
  ...words('UNREAD', 'pass'),
  ...words('SECONDLOOK', 'yes'),
  ...words('STRICTMIME', '1'),
  {
    settings: { FINDINGS: 'macros' },
    reason: /FINDINGS=\\?"macros\\?": has no action; write it as/,
  },
  { settings: { FINDINGS: '=tag' }, reason: /FINDINGS=\\?"=tag\\?": has no action/ },
  {
    settings: { FINDINGS: 'encrypted=tag macros=yes' },
    reason:
      /FINDINGS=\\?"macros=yes\\?": the action must be virus, accept, tag, defer, quarantine or refuse/,
  },
  {
    settings: { FINDINGS: 'macro=tag' },
    reason: /FINDINGS=\\?"macro=tag\\?": macro is not one of encrypted, macros, phishing/,
  },
  ...words('ARCHIVEBANS', 'yes'),
  { settings: { QHPSI: "'open" }, reason: /QHPSI 'open: a ' is not closed/ },
  {
    settings: { QHPSI: 'clamd' },
    reason: /QHPSI clamd: names a built-in plugin as a command; did/,
  },
  {
    settings: { QHPSI: 'plugin clamd' },
    reason: /QHPSI plugin clamd: has no colon; did you mean \\?"plugin: clamd\\?"/,
  },
  {
    settings: { QHPSI: 'plugin,clamd' },
    reason: /QHPSI plugin,clamd: has no colon; did you mean \\?"plugin: clamd\\?"/,
  },
  {
    settings: { QHPSI: '/usr/bin/clamdscan --fdpass' },
    reason:
      /QHPSI \S+ --fdpass: specifies no file for its options; did you mean \\?"\S+ --fdpass %s/,
  },
  { settings: { QHPSI: '/usr/sbin/clamd %s' }, reason: /did you mean \\?"plugin: clamd\\?"/ },
  {
    settings: { BADATTACHMENTS: 'control/bad' },
    reason: /BADATTACHMENTS=\\?"control\/bad\\?": must be an absolute path/,
  },
  // As the runtime reads bytes of another charset. No name would match.
  ...['BADATTACHMENTS', 'FINDINGS', 'VIRUSFORWARD'].map((name) => ({
    settings: { [name]: 'a*\ufffd=tag' },
    reason: new RegExp(`${name}=.*a\\*.*=tag.*: must be in UTF-8`),
  })),
  { settings: { QHPSI: 'eicar attachments' }, reason: /did you mean \\?"plugin: eicar attach/ },
  { settings: { QHPSI: 'plugin:' }, reason: /QHPSI plugin:: specifies no scanner/ },
  ...[' \t', '\v', '\u00a0', '\ufeff', "''"].map((blank) => ({
    settings: { QHPSI: blank },
    reason: /QHPSI \S*\s*: specifies no scanner; set it to none to scan nothing/,
  })),
  { settings: { CLAMD: '"open' }, reason: /CLAMD .*is not closed/ },
  // SCANFAIL is about scanners that fail, and not about settings that are wrong.
  ...[
    { settings: { QHPSI: 'plugin: eicar nosuch' }, reason: /plugin nosuch: no such plugin/ },
    { settings: { QHPSI: 'plugin: ../evil.js' }, reason: /plugin name cannot contain \// },
    { settings: { QHPSI: 'plugin: clamd', CLAMD: ' ' }, reason: /CLAMD: specifies no server/ },
    {
      settings: { QHPSI: 'plugin: clamd', CLAMD: 'clamd.ctl' },
      reason: /CLAMD=\\?"clamd\.ctl\\?": must be an absolute socket path/,
    },
    {
      settings: { QHPSI: 'plugin: attachments', BADATTACHMENTS: '/nonexistent/bans' },
      reason: /BADATTACHMENTS \/nonexistent\/bans: cannot be read/,
    },
  ].map(
    (setting): BadSetting => ({
      ...setting,
      settings: { ...setting.settings, SCANFAIL: 'accept' },
    }),
  ),
  { settings: { FINDINGS: "'open" }, reason: /FINDINGS .*is not closed/ },
  ...['a b', '<a@b.example>', 'a\x01@b.example', `${'a'.repeat(245)}@b.example`].map((value) => ({
    settings: { VIRUSFORWARD: value },
    reason: /VIRUSFORWARD=\\?".*\\?": must be one address without spaces and angle brackets/,
  })),
  {
    settings: { SPOOLDIR: 'relative' },
    reason: /SPOOLDIR=\\?"relative\\?": must be an absolute path/,
    notAsked: true,
  },
  { settings: { CLUSTERKEYS: '/nonexistent/ring' }, reason: /CLUSTERKEYS \/nonexistent\/ring: / },
  {
    settings: { REFUSALTEXT: 'x'.repeat(201) },
    reason: /REFUSALTEXT: has 201 characters; shorten it to 200/,
  },
  { settings: { REFUSALTEXT: 'no\r\n250 yes' }, reason: /REFUSALTEXT: has a line end/ },
  {
    settings: { REFUSALTEXT: 'no {name}' },
    reason: /REFUSALTEXT: \{name\} is not known; use \{virus\}, \{reason\}, \{id\} or \{host\}/,
  },
  {
    settings: { QUARANTINE: 'relative' },
    reason: /QUARANTINE=\\?"relative\\?": must be an absolute path, or/,
  },
  {
    settings: { QUARANTINEURL: 'mx.example.org' },
    reason: /QUARANTINEURL=\\?"mx\.example\.org\\?": must be the address of the page/,
    onlyDaemon: true,
  },
  ...[...wholeNumbers('QUARANTINEDAYS', 'old', '36501'), ...ofBytes('QUARANTINESIZE', 'big')].map(
    (setting): BadSetting => ({ ...setting, onlyDaemon: true }),
  ),
  ...['SCANFAIL', 'UNREAD', 'STRICTMIME'].map(
    (name): BadSetting => ({
      settings: { [name]: 'quarantine' },
      reason: new RegExp(
        `${name}=\\\\?"quarantine\\\\?": QUARANTINE is not set; set it to a directory`,
      ),
    }),
  ),
  {
    settings: { FINDINGS: 'encrypted=tag macros=quarantine' },
    reason: /FINDINGS=\\?"macros=quarantine\\?": QUARANTINE is not set; set it to a directory/,
  },
  {
    settings: { VERDICTS: 'valkey://127.0.0.1:6379' },
    reason: /VERDICTS valkey:.*: hosts that share verdicts need a key/,
    onlyDaemon: true,
  },
  {
    settings: { ERROR_FD: 'six' },
    reason: /ERROR_FD=\\?"six\\?": must be a whole number/,
    noDaemon: true,
  },
  { settings: { ERROR_FD: '1' }, reason: /ERROR_FD=\\?"1\\?": must be/, noDaemon: true },
  { settings: { QUEUECHAIN: "'open" }, reason: /QUEUECHAIN/, noDaemon: true },
  ...[undefined, true as const].flatMap((unscanned) =>
    [
      { settings: { QUOTAD: 'udp:x' }, reason: /QUOTAD=\\?"udp:x\\?": must be/ },
      { settings: { QUOTAD: 'map:relative' }, reason: /QUOTAD=\\?"map:relative\\?": must be/ },
      {
        settings: { ...quota, QUOTATIMEOUT: 'soon' },
        reason: /QUOTATIMEOUT=\\?"soon\\?": must be/,
      },
      { settings: { ...quota, QUOTASOFT: '101' }, reason: /QUOTASOFT=\\?"101\\?": must be/ },
      { settings: { ...quota, QUOTANAME: 'user' }, reason: /QUOTANAME=\\?"user\\?": must be/ },
      { settings: { ...quota, QUOTARELAY: 'yes' }, reason: /QUOTARELAY=\\?"yes\\?": must be/ },
      { settings: { ...quota, QUOTADELIMITER: 'a' }, reason: /QUOTADELIMITER=\\?"a\\?": must be/ },
    ].map((setting): BadSetting => (unscanned ? { ...setting, unscanned } : setting)),
  ),
]

function wholeNumbers(name: string, ...values: string[]): BadSetting[] {
  return eachOf(name, values, 'a whole number')
}

function ofBytes(name: string, ...values: string[]): BadSetting[] {
  return eachOf(name, values, 'a number of bytes')
}

function words(name: string, ...values: string[]): BadSetting[] {
  return eachOf(name, values, '(?:\\w+, )*\\w+ or \\w+')
}

function eachOf(name: string, values: readonly string[], wanted: string): BadSetting[] {
  return values.map((value) => ({
    settings: { [name]: value },
    reason: new RegExp(`${name}=\\\\?"${value.replace('.', '\\.')}\\\\?": must be ${wanted}`),
  }))
}

/** What belongs to stamps is read where there is a keyring. */
function withRing(setting: BadSetting): BadSetting {
  return { ...setting, ring: true }
}
