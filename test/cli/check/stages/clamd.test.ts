import { chmodSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { obstacle } from '../../../../src/cli/check/shared/account.ts'
import { checkClamd, checkSignatures } from '../../../../src/cli/check/stages/clamd.ts'
import { clamdMissing, startClamd } from '../../../programs/clamd.ts'
import { socketDirectory } from '../../../programs/socket-directory.ts'
import { complaints, host, stranger } from '../shared/host.ts'

const skip = clamdMissing
const asked = (CLAMD: string, more: Record<string, string> = {}) =>
  host({ QHPSI: 'plugin: clamd', CLAMD, ...more })

t.test('a clamd that is set up well gives no warning', { skip }, async (t) => {
  const clamd = await startClamd({ alertExceedsMax: true, tcp: true })
  t.teardown(clamd.stop)
  const findings = await checkClamd(asked(`${clamd.socket} ${clamd.tcp}`, { CLAMDMAXSIZE: '2M' }))
  // This clamd has one signature, and not the database of ClamAV.
  t.same(complaints(findings), [`warning clamd ${clamd.socket}`, `warning clamd ${clamd.tcp}`])
  t.ok(
    findings.some(({ what }) => what === `clamd ${clamd.tcp}`),
    'each server is asked',
  )
})

t.test('limits of clamd are found by trial', { skip }, async (t) => {
  const clamd = await startClamd({ maxFileSize: '1M', streamMaxLength: '50M' })
  t.teardown(clamd.stop)
  const findings = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '3M' }))
  const of = (what: string) => findings.find((finding) => finding.what.endsWith(what))
  t.match(of('AlertExceedsMax'), { level: 'error', value: /get in, marked as clean/ })
  t.match(of('large mail'), {
    level: 'error',
    value: /calls EICAR in 3145728 bytes \(CLAMDMAXSIZE\) clean/,
  })
  const small = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '500K' }))
  t.match(
    small.find(({ what }) => /large mail/.test(what)),
    { level: 'ok' },
  )
})

t.test('a clamd that refuses large mail is a warning', { skip }, async (t) => {
  const clamd = await startClamd({ streamMaxLength: '1M', alertExceedsMax: true })
  t.teardown(clamd.stop)
  const findings = await checkClamd(asked(clamd.socket, { CLAMDMAXSIZE: '30M' }))
  t.match(
    findings.find(({ what }) => /large mail/.test(what)),
    {
      level: 'warning',
      remedy: /StreamMaxLength/,
    },
  )
})

t.test('a socket that the account of the slot may not open is an error', { skip }, async (t) => {
  const clamd = await startClamd()
  t.teardown(clamd.stop)
  chmodSync(clamd.socket, 0o600)
  const env = { QHPSI: 'plugin: clamd', CLAMD: clamd.socket, CLAMDMAXSIZE: '1M' }
  const findings = await checkClamd(host(env, { account: stranger }))
  t.match(findings[0], { level: 'error', value: /stranger \(strangers\) cannot connect/ })
  t.equal(obstacle(stranger, clamd.socket, 'write'), clamd.socket)
})

t.test('an address without a clamd, and a word that is no address, are errors', async (t) => {
  const [down] = await checkClamd(asked(join(socketDirectory(t), 'socket')))
  t.match(down, { level: 'error', value: /ENOENT/, remedy: /start clamd/ })
  const [bad] = await checkClamd(asked('clamd.example.org'))
  t.match(bad, { level: 'error', value: /must be an absolute socket path/ })
})

t.test('without clamd in QHPSI no clamd is asked', async (t) => {
  t.same(await checkClamd(host({ QHPSI: 'plugin: eicar', CLAMD: '/nonexistent' })), [])
  t.same(await checkClamd(host({})), [])
})

t.test('if one of two servers is down, the other one scans', { skip }, async (t) => {
  const clamd = await startClamd({ alertExceedsMax: true })
  t.teardown(clamd.stop)
  const gone = '/nonexistent/clamd.ctl'
  const env = { CLAMDMAXSIZE: '1M' }
  for (const CLAMD of [`${gone} ${clamd.socket}`, `${clamd.socket} ${gone}`]) {
    const found = (await checkClamd(asked(CLAMD, env))).filter(({ what }) => what.endsWith(gone))
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
  t.equal(checkSignatures('clamd', version, day('2025-04-10')).level, 'ok')
  t.match(checkSignatures('clamd', version, day('2025-04-20')), {
    level: 'warning',
    value: /12 days old/,
  })
  t.match(checkSignatures('clamd', 'ClamAV 1.4.3', day('2025-04-20')), {
    level: 'warning',
    value: /without a date/,
  })
  t.equal(checkSignatures('clamd', '220 smtp.example.org', 0).level, 'error')
})
