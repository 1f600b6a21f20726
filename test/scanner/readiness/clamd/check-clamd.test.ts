import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import t from 'tap'
import { checkClamd, keptOutByUnit } from '../../../../src/scanner/readiness/clamd/check-clamd.ts'
import { checkSignatures } from '../../../../src/scanner/readiness/clamd/clamd-signatures.ts'
import { obstacle } from '../../../../src/scanner/readiness/host/account.ts'
import { readClamdAddress } from '../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import { about, complaints } from '../../../check-lines.ts'
import { lacks } from '../../../needs.mjs'
import { freePort } from '../../../programs/host/free-port.ts'
import { listen } from '../../../programs/host/listen.ts'
import { openDirectory } from '../../../programs/host/reachable.ts'
import { socketDirectory } from '../../../programs/host/socket-directory.ts'
import { makeAuthority, opensslMissing } from '../../../programs/servers/certificates.ts'
import { clamdMissing, startClamd } from '../../../programs/servers/clamd.ts'
import { startOnescand } from '../../daemon/process.ts'
import { cannotMount, mountSmall } from '../../doors/slot/small-disk.ts'
import { fullServer } from '../../scan/scanners/clamd/full-server.ts'
import { host, stranger } from '../host.ts'

const skip = clamdMissing
const notRoot = lacks('root')
const asked = (CLAMD: string, more: Record<string, string> = {}) =>
  host({ QHPSI: 'plugin: clamd', CLAMD, ...more })

t.test('a clamd that is set up well gives no warning', { skip }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true, tcp: true })
  const checkLines = await checkClamd(asked(`${clamd.socket} ${clamd.tcp}`, { CLAMDMAXSIZE: '2M' }))
  // This clamd has one signature, and not the database of ClamAV.
  t.same(complaints(checkLines), [`warning clamd ${clamd.socket}`, `warning clamd ${clamd.tcp}`])
  t.ok(
    checkLines.some(({ what }) => what === `clamd ${clamd.tcp}`),
    'each server is asked',
  )
})

t.test('limits of clamd are found with test messages', { skip }, async (t) => {
  const clamd = await startClamd(t, { maxFileSize: '1M', streamMaxLength: '50M' })
  const checkLines = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '3M' }))
  const of = (what: RegExp) => about(checkLines, what)
  t.match(of(/AlertExceedsMax$/), { level: 'error', value: /delivered as clean/ })
  t.match(of(/large mail$/), {
    level: 'error',
    value: /misses EICAR in 3145728 bytes \(CLAMDMAXSIZE\): mail over about \d+[KM] is delivered/,
  })
  const small = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '500K' }))
  t.match(about(small, /large mail/), { level: 'ok' })
})

t.test('how deep clamd scans is found by probe', { skip }, async (t) => {
  for (const [maxRecursion, expected] of [
    [undefined, { level: 'ok', value: 'is 13 or more' }],
    [5, { level: 'warning', value: /^is 5: .* 4 nested archives$/ }],
    [2, { level: 'warning', value: /^is 2: .* 1 nested archive$/ }],
  ] as const) {
    const clamd = await startClamd(t, { ...(maxRecursion && { maxRecursion }) })
    const checkLines = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '500K' }))
    t.match(about(checkLines, /MaxRecursion$/), expected)
    await clamd.stop()
  }
})

t.test(
  'a clamd that opens no archives or no mail, or does not know EICAR, is found',
  { skip },
  async (t) => {
    const found = async (options: Parameters<typeof startClamd>[1]) => {
      const clamd = await startClamd(t, { alertExceedsMax: true, ...options })
      const named = asked(clamd.socket, { CLAMDMAXSIZE: '500K' })
      const conf = { clamdConfigFiles: [clamd.configFile] }
      const checkLines = await checkClamd({ ...named, ...(options?.database && conf) })
      return checkLines.filter(
        ({ level, value }) => level !== 'ok' && !/without a date|only 1 signature/.test(value),
      )
    }
    const archives = {
      level: 'error',
      value: /archives are delivered as clean/,
      remedy: /^set "ScanArchive yes"/,
    }
    const mail = { level: 'warning', remedy: /^set "ScanMail yes"/ }
    t.match(await found({ scanArchive: false }), [archives])
    t.match(await found({ scanMail: false }), [mail])
    t.match(await found({ scanMail: false, scanArchive: false }), [archives, mail])
    const database = { 'x.ndb': 'Other:0:*:00010203040506070809\n' }
    const unknown = {
      level: 'error',
      value: /^is reported as clean: this server is not used/,
    }
    t.match(await found({ database, scanMail: false }), [unknown])
    const ignored = { 'local.ign2': 'EICAR-Test\n' }
    t.match(await found({ database: ignored, scanMail: false }), [
      {
        level: 'error',
        value: /^is reported as clean, since \S+\/local\.ign2 makes clamd ignore it: this server /,
        remedy: /^remove the lines about EICAR from \S+\/local\.ign2, and restart clamd$/,
      },
    ])
  },
)

t.test('each switch that is off in its clamd.conf is named', { skip }, async (t) => {
  const off = ['ScanOLE2', 'ScanPDF', 'ScanHTML', 'HeuristicAlerts', 'ScanOneNote']
  const clamd = await startClamd(t, { alertExceedsMax: true, off })
  const named = asked(clamd.socket, { CLAMDMAXSIZE: '500K' })
  const found = await checkClamd({ ...named, clamdConfigFiles: [clamd.configFile] })
  for (const name of off) {
    t.match(about(found, new RegExp(` ${name}$`)), {
      level: 'warning',
      value: /^is off: .* delivered as clean$/,
      remedy: `set "${name} yes"`,
    })
  }
})

t.test(
  'a clamd that cannot unpack mail now is not reported to have it switched off',
  { skip },
  async (t) => {
    const clamd = await startClamd(t, {
      alertExceedsMax: true,
      scanMail: false,
      scanArchive: false,
    })
    // Its own file shows that both are on.
    const conf = join(openDirectory(t), 'clamd.conf')
    const text = readFileSync(clamd.configFile, 'latin1')
    writeFileSync(conf, text.replace(/^Scan(Mail|Archive) .*\n/gm, ''))
    const named = asked(clamd.socket, { CLAMDMAXSIZE: '500K' })
    const found = await checkClamd({ ...named, clamdConfigFiles: [conf] })
    for (const [name, level] of [
      ['ScanMail', 'warning'],
      ['ScanArchive', 'error'],
    ] as const) {
      t.match(about(found, new RegExp(` ${name}$`)), {
        level,
        value: /^is on, but clamd answers OK/,
        remedy: /^free space in the TemporaryDirectory/,
      })
    }
  },
)

t.test(
  'a TemporaryDirectory that is full, closed or small has a line of its own',
  { skip: skip || cannotMount },
  async (t) => {
    const parent = mountSmall(t, join(openDirectory(t), 'small'), '4m')
    chmodSync(parent, 0o755)
    const clamd = await startClamd(t, { alertExceedsMax: true, user: 'nobody', parent })
    const what = `clamd ${clamd.socket} TemporaryDirectory`
    const conf = `LocalSocket ${clamd.socket}\nTemporaryDirectory ${clamd.directory}\n`
    const configFile = join(t.testdir({ 'clamd.conf': conf }), 'clamd.conf')
    const checkLines = async (...clamdConfigFiles: string[]) => {
      const found = await checkClamd({
        ...asked(clamd.socket, { CLAMDMAXSIZE: '500K' }),
        clamdConfigFiles,
      })
      return found.filter((checkLine) => checkLine.what === what || checkLine.level === 'error')
    }
    t.same(await checkLines(), [], 'without its clamd.conf nothing is known')
    t.match(await checkLines(configFile), [
      {
        level: 'warning',
        what,
        value: /has room for 3M, and .* 400M/,
        remedy: /free space in/,
      },
    ])
    const blocked = [
      { level: 'error', what, value: /mail is deferred/, remedy: /free space there$/ },
    ]
    const filler = join(parent, 'filler')
    t.throws(() => writeFileSync(filler, Buffer.alloc(8 * 1024 * 1024)))
    t.match(await checkLines(configFile), blocked)
    t.match(await checkLines(), blocked)
    rmSync(filler)
    chmodSync(clamd.directory, 0o755)
    chownSync(clamd.directory, 0, 0)
    t.match(await checkLines(configFile), blocked)
  },
)

t.test('a clamd that may not have loaded signatures that count as loaded', { skip }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const found = async (selfCheck: string, files: Record<string, string>) => {
    const conf = `LocalSocket ${clamd.socket}\n${selfCheck}`
    const CLAMDBDIR = t.testdir({ 'clamd.conf': conf, ...files })
    const checkLines = await checkClamd({
      ...asked(clamd.socket, { CLAMDBDIR, CLAMDMAXSIZE: '500K' }),
      clamdConfigFiles: [join(CLAMDBDIR, 'clamd.conf')],
    })
    return checkLines.filter(({ what }) => what.endsWith('SelfCheck'))
  }
  const own = { 'own.ndb': 'Own:0:*:616263\n' }
  const hourly = { level: 'warning', value: /every 60 min/, remedy: /"SelfCheck 600"/ }
  t.match(await found('SelfCheck 3600\n', own), [hourly])
  t.match(await found('SelfCheck 0\n', own), [{ level: 'warning', value: /never checks/ }])
  for (const selfCheck of ['SelfCheck 600\n', '']) t.same(await found(selfCheck, own), [])
  const official = { 'daily.cvd': `ClamAV-VDB:x:27600:${' '.repeat(512)}` }
  t.same(await found('SelfCheck 3600\n', official), [], 'freshclam notifies clamd at once')
})

t.test('a clamd without signatures is started by freshclam first', async (t) => {
  const [down] = await checkClamd(asked('/nonexistent/clamd', { CLAMDBDIR: t.testdir({}) }))
  t.notMatch(down, { marks: ['clamd does not run'] }, 'its unit has nothing to add')
  t.match(down, { level: 'error', value: / has none$/, remedy: /^run freshclam, / })
})

t.test('a clamd at the address in its settings, which CLAMD does not name, is found', async (t) => {
  const remedyFor = async (conf: string) => {
    const CLAMDBDIR = t.testdir({ 'a.ndb': 'x', conf })
    const clamdConfigFiles = ['none', join(CLAMDBDIR, 'conf')]
    const [down] = await checkClamd({
      ...asked('/nonexistent/clamd', { CLAMDBDIR }),
      clamdConfigFiles,
    })
    return down?.remedy
  }
  for (const [conf, address] of [
    ['LocalSocket /run/other.sock\nTCPSocket 3310\n', '/run/other.sock'],
    ['TCPSocket 3310\n', '127.0.0.1:3310'],
    ['TCPSocket 3310\nTCPAddr 0.0.0.0\n', '127.0.0.1:3310'],
    ['TCPSocket 3310\nTCPAddr 192.0.2.7\n', '192.0.2.7:3310'],
    ['TCPSocket 3310\nTCPAddr ::1\n', '[::1]:3310'],
  ] as const)
    t.ok(
      (await remedyFor(conf))?.startsWith(`set CLAMD="${address}", the address in clamd.conf, in `),
      conf,
    )
  for (const conf of ['LocalSocket /nonexistent/clamd\n', '#TCPSocket 3310\n', ''])
    t.match(await remedyFor(conf), /^start clamd, or set CLAMD /, conf)
})

t.test('the unit of a stopped clamd on this host may have the reason', async (t) => {
  const marksOf = async (CLAMD: string) => {
    const [down] = await checkClamd(asked(CLAMD, { CLAMDBDIR: t.testdir({ 'a.ndb': 'x' }) }))
    return down?.marks
  }
  t.same(await marksOf('/nonexistent/clamd'), ['clamd does not run', 'nothing scans'])
  t.same(await marksOf(`127.0.0.1:${await freePort()}`), ['nothing scans'])
})

t.test(
  'limits of Debian are a warning with the number, and with that number none',
  { skip },
  async (t) => {
    const limits = { streamMaxLength: '25M', maxFileSize: '25M', maxScanSize: '100M' }
    const clamd = await startClamd(t, { ...limits, alertExceedsMax: true })
    const large = async (CLAMDMAXSIZE: string) =>
      about(await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE })), /large/)
    const found = await large('100M')
    // Debian's own limit, which the pages describe, is no fault of the host.
    const value =
      /^scans files of up to 2\dM; OVERSIZE defers or accepts larger mail; to scan it, raise StreamMaxLength, /
    t.match(found, { level: 'ok', value })
  },
)

t.test('a clamd whose MaxFileSize alone is below our limit is found', { skip }, async (t) => {
  const large = { streamMaxLength: '50M', maxScanSize: '50M' }
  const clamd = await startClamd(t, { ...large, maxFileSize: '2M', alertExceedsMax: true })
  const checkLines = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '10M' }))
  t.match(about(checkLines, /large mail/), {
    level: /^(warning|error)$/,
    value: /^scans files of up to (1\d\d\dK|1M|2M)/,
    remedy: /MaxFileSize/,
  })
})

t.test(
  'a clamd with a small StreamMaxLength is tried as mail is given to it',
  { skip },
  async (t) => {
    const clamd = await startClamd(t, { streamMaxLength: '1K', alertExceedsMax: false })
    const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDMAXSIZE: '30M' }
    const found = async (isDaemon: boolean) => {
      const checkLines = await checkClamd(host(env, { isDaemon }))
      return (what: RegExp) => about(checkLines, what)
    }
    const byDescriptor = await found(true)
    t.match(byDescriptor(/large mail$/), {
      level: 'ok',
      value: /^scans files of up to 1[56]M/,
    })
    t.match(byDescriptor(/AlertExceedsMax$/), { level: 'error' }, 'it is off, and that is seen')
    const byStream = await found(false)
    t.match(byStream(/large mail$/), { level: 'error', value: /^scans files of less than 64K/ })
    t.match(byStream(/AlertExceedsMax$/), { level: 'warning', value: /StreamMaxLength/ })
  },
)

t.test('a limit that is not one of sizes is reported by its name', { skip }, async (t) => {
  const large = { streamMaxLength: '50M', maxScanSize: '50M', maxFileSize: '50M' }
  const clamd = await startClamd(t, { ...large, maxRecursion: 1, alertExceedsMax: true })
  t.match(about(await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '10M' })), /large mail/), {
    level: 'error',
    value: /^does not scan all of 10485760 bytes \(CLAMDMAXSIZE\): .*MaxRecursion/,
    remedy: 'raise this limit in clamd.conf',
  })
})

t.test('a limit below ordinary attachments is an error', { skip }, async (t) => {
  for (const limit of [{ streamMaxLength: '1M' }, { maxFileSize: '300K' }]) {
    const clamd = await startClamd(t, { ...limit, alertExceedsMax: true })
    const checkLines = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '30M' }))
    await clamd.stop()
    t.match(about(checkLines, /large mail/), {
      level: 'error',
      value: /^scans files of up to (2\d\dK|9\d\dK|1M); OVERSIZE defers or accepts /,
      remedy: /^raise StreamMaxLength, MaxFileSize and MaxScanSize/,
    })
  }
})

t.test(
  'a clamd that hangs is reported within seconds, with the remedy to restart it',
  async (t) => {
    const path = join(socketDirectory(t), 'socket')
    await listen(t, createServer(), path)
    t.match(await checkClamd(asked(path)), [
      { level: 'error', value: /does not answer within 6 s/, remedy: /^restart clamd; / },
    ])
    // With mail that waits, it takes no further connection.
    const { socket } = await fullServer(t)
    t.match(await checkClamd(asked(socket)), [
      { level: 'error', value: /queue of connections is full/, remedy: /^restart clamd; / },
    ])
  },
)

t.test(
  'a socket of mode 0660 is opened by its group, and no account joins that of root',
  { skip: notRoot },
  async (t) => {
    const path = join(socketDirectory(t), 'socket')
    await listen(t, createServer(), path)
    chmodSync(dirname(path), 0o755)
    chmodSync(path, 0o660)
    const found = () =>
      checkClamd(
        host({ QHPSI: 'plugin: clamd', CLAMD: path }, { account: stranger, isDaemon: true }),
      )
    t.match(await found(), [{ level: 'error', remedy: /^set "LocalSocketMode 666"/ }])
    chownSync(path, 0, 54_323)
    t.match(await found(), [
      { level: 'error', remedy: /^usermod -aG scanners stranger && systemctl restart onescand$/ },
    ])
  },
)

t.test('a CLAMD that names the directory of the socket, or a file, is reported', async (t) => {
  const directory = socketDirectory(t)
  writeFileSync(join(directory, 'file'), '')
  for (const CLAMD of [directory, join(directory, 'file')]) {
    const found = await checkClamd(asked(CLAMD, {}))
    t.match(found, [
      {
        level: 'error',
        value: /^is not a socket: mail is deferred/,
        remedy: /^set CLAMD to the LocalSocket in clamd.conf /,
      },
    ])
  }
})

t.test('the cache of clamd by MD5 is reported for versions before 1.5', { skip }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const found = about(await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '1M' })), / cache$/)
  const isOld = /ClamAV (0|1\.[0-4])\./.test(
    execFileSync('clamd', ['--version'], { encoding: 'utf8' }),
  )
  t.equal(found?.level, isOld ? 'ok' : undefined)
  if (isOld) t.match(found?.value, /MD5 and length.*DisableCache yes/)
})

t.test('a socket that the account of qmail-smtpd may not open is an error', { skip }, async (t) => {
  const clamd = await startClamd(t)
  chmodSync(clamd.socket, 0o600)
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDMAXSIZE: '1M' }
  const checkLines = await checkClamd(host(env, { account: stranger }))
  t.match(checkLines[0], { level: 'error', value: /stranger \(strangers\) cannot connect/ })
  t.equal(obstacle(stranger, clamd.socket, 'write'), clamd.socket)
})

t.test('an address without a clamd is an error', async (t) => {
  const socket = join(socketDirectory(t), 'socket')
  const [down] = await checkClamd({ ...asked(socket), clamdConfigFiles: [] })
  t.match(down, { level: 'error', value: /no such file or directory/, remedy: /start clamd/ })
})

t.test('without clamd in QHPSI no clamd is asked', async (t) => {
  t.same(await checkClamd(host({ QHPSI: 'plugin: eicar', CLAMD: '/nonexistent' })), [])
  t.same(await checkClamd(host({})), [])
})

t.test('if one of two servers is down, the other one scans', { skip }, async (t) => {
  const clamd = await startClamd(t, { alertExceedsMax: true })
  const gone = '/nonexistent/clamd.ctl'
  const env = { CLAMDMAXSIZE: '1M' }
  for (const CLAMD of [`${gone} ${clamd.socket}`, `${clamd.socket} ${gone}`]) {
    const checkLines = await checkClamd({
      ...asked(CLAMD, env),
      clamdConfigFiles: [clamd.configFile],
    })
    const found = checkLines.filter(({ what }) => what.endsWith(gone))
    t.match(found, [
      { level: 'warning', value: /the other servers of CLAMD scan/, remedy: /start clamd/ },
    ])
  }
  t.match(await checkClamd(asked(`${gone} /nonexistent/other`, env)), [
    { level: 'error' },
    { level: 'error' },
  ])
})

t.test('old signatures are reported', async (t) => {
  const version = 'ClamAV 1.4.3/27600/Tue Apr  8 08:43:46 2025'
  const day = (date: string) => Date.parse(`${date}T09:00:00Z`)
  const here = readClamdAddress('/run/clamav/clamd.ctl')
  t.equal(checkSignatures(here, version, day('2025-04-10')).level, 'ok')
  t.match(checkSignatures(here, version, day('2025-04-20')), {
    level: 'warning',
    value: /: 12 d old/,
    remedy: /^run freshclam, /,
    marks: ['needs signatures'],
  })
  const away = checkSignatures(readClamdAddress('192.0.2.1:3310'), version, day('2025-04-20'))
  t.match(away, { remedy: /^on its host, run freshclam, /, marks: undefined })
  t.match(checkSignatures(here, 'ClamAV 1.4.3', day('2025-04-20')), {
    level: 'warning',
    value: /without a date/,
  })
  t.equal(checkSignatures(here, '220 smtp.example.org', 0).level, 'error')
})

t.test(
  'a scanner over TLS is asked, and certificates that end soon are named',
  { skip: clamdMissing || opensslMissing },
  async (t) => {
    const clamd = await startClamd(t, { alertExceedsMax: true })
    const authority = makeAuthority(t)
    const port = await freePort()
    const scannerWith = async (days: number) => {
      const settings = {
        QHPSI: 'plugin: clamd',
        CLAMD: clamd.socket,
        ...authority.certify('scan1', { days }),
      }
      return startOnescand(t, { settings, args: ['--clamd', `tls:127.0.0.1:${port}`] })
    }
    const CLAMD = `tls://127.0.0.1:${port}`
    const limit = { CLAMDMAXSIZE: '2M' }
    const lasting = { ...authority.certify('mx1', { days: 100 }), ...limit }
    const old = { ...authority.certify('mx2', { days: 5 }), ...limit }
    const ended = { ...authority.certify('mx3', { days: -1 }), ...limit }
    const warnings = async (files: Record<string, string>) => {
      const checkLines = await checkClamd(asked(CLAMD, files))
      return checkLines.filter(({ level }) => level !== 'ok').map(({ value }) => value)
    }
    const undated = /without a date: its signatures/
    const scanner = await scannerWith(100)
    t.match(await warnings(lasting), [undated])
    t.match(await warnings(old), [undated, /^the certificate of this host is valid until 20/])
    t.match(await warnings(ended), [
      /refuses CLAMDCERT/,
      /^the certificate of this host is valid until/,
    ])
    scanner.kill()
    await scanner.ended
    await scannerWith(5)
    t.match(await warnings(lasting), [undated, /^its certificate is valid until 20/])
  },
)

t.test('an onescand that expects TLS is named as that', { skip: opensslMissing }, async (t) => {
  const port = await freePort()
  await startOnescand(t, {
    settings: { QHPSI: 'plugin: eicar', ...makeAuthority(t).certify('scan1') },
    args: ['--clamd', `tls:127.0.0.1:${port}`],
  })
  t.match(await checkClamd(asked(`127.0.0.1:${port}`)), [
    {
      level: 'error',
      value: 'it expects TLS: write its address with tls://',
      remedy: new RegExp(
        `^set CLAMD="tls://127.0.0.1:${port}", CLAMDCERT, CLAMDKEY and CLAMDCA \\(doc/cluster.md\\) in `,
      ),
    },
  ])
})

t.test('a public address that the units do not allow is named with the filter', async (t) => {
  const broken = (reason: string) => ({ kind: 'unreachable', state: 'gone', reason }) as never
  const at = (host: string, reason: string) =>
    keptOutByUnit({ kind: 'tcp', host, port: 3310, text: `${host}:3310` }, broken(reason))
  const remedy =
    'run systemctl edit onescand, add IPAddressAllow=203.0.113.5 below [Service], then run systemctl restart onescand'
  t.match(at('203.0.113.5', 'cannot connect (not permitted)'), {
    level: 'error',
    value:
      /^cannot connect \(not permitted\): the unit of onescand blocks addresses that it does not list \(IPAddressDeny=any\)$/,
    remedy,
  })
  t.match(at('203.0.113.5', 'no answer'), {
    value: /blocks public addresses that it does not list/,
    remedy,
  })
  t.match(at('2001:db8::5', 'no answer'), { remedy: /IPAddressAllow=2001:db8::5/ })
  t.match(at('scan1.example.org', 'cannot connect (not permitted)'), {
    remedy: /IPAddressAllow=ADDRESS/,
  })
  for (const host of [
    '10.1.2.3',
    '172.31.0.1',
    '192.168.1.1',
    'fd00::1',
    '127.0.0.1',
    'scan1.example.org',
    '203.0.113.5',
  ])
    t.equal(at(host, 'cannot connect (connection refused)'), undefined, host)
  t.match(at('100.64.0.1', 'no answer'), { remedy: /IPAddressAllow=100\.64\.0\.1/ })
})
