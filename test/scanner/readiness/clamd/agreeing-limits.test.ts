import { join } from 'node:path'
import t from 'tap'
import {
  checkConfLimits,
  largestScanned,
} from '../../../../src/scanner/readiness/clamd/agreeing-limits.ts'
import { readClamdAddress } from '../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'

const here = readClamdAddress('/run/clamav/clamd.ctl')

t.test('clamd gives up no later than onescan does', async (t) => {
  const found = (conf: string, timeout = 150_000) => checkConfLimits(here, conf, timeout)
  for (const conf of ['', 'MaxScanTime 120000\n', 'MaxScanTime 150000\n']) t.same(found(conf), [])
  t.match(found('MaxScanTime 300000\n'), [
    { level: 'warning', value: /^is 5 min, /, remedy: /^set "MaxScanTime 120000" / },
  ])
  t.match(found('MaxScanTime 0\n'), [{ value: /^is 0 \(unlimited\), / }])
  t.match(found('', 60_000), [{ value: /^is 2 min, /, remedy: /^set "MaxScanTime 60000" / }])
  t.same(checkConfLimits(here, undefined, 1), [], 'its clamd.conf is unknown')
})

t.test('clamd counts as many files as ordinary mail has', async (t) => {
  const found = (conf: string) => checkConfLimits(here, conf, 150_000)
  for (const conf of ['MaxFiles 0\n', 'MaxFiles 1000\n']) t.same(found(conf), [])
  t.match(found('MaxFiles 1\n'), [
    { level: 'warning', value: /^is 1: mail with more .* is refused$/, remedy: /"MaxFiles 10000"/ },
  ])
})

t.test('the largest message that clamd scans is that of its smallest limit', async (t) => {
  const largest = (conf: string, env: Record<string, string> = {}, address = '/own.ctl') => {
    const directory = t.testdir({ 'clamd.conf': `LocalSocket /own.ctl\nTCPSocket 3310\n${conf}` })
    const files = [join(directory, 'clamd.conf')]
    return largestScanned({ QHPSI: 'plugin: clamd', CLAMD: address, ...env }, files)
  }
  const [MaxFileSize, bytes] = ['MaxFileSize 25M\n', 25 * 1024 * 1024]
  t.same(largest(MaxFileSize), { name: 'MaxFileSize', bytes })
  t.same(largest(`${MaxFileSize}MaxScanSize 20M\n`)?.name, 'MaxScanSize')
  t.same(largest(`${MaxFileSize}StreamMaxLength 1M\n`)?.name, 'MaxFileSize', 'it gets a descriptor')
  t.same(largest('StreamMaxLength 1M\n', {}, '127.0.0.1:3310')?.name, 'StreamMaxLength')
  t.same(largest('MaxFileSize 0\nMaxScanSize 0\n')?.name, 'CLAMDMAXSIZE', '0 is no limit')
  t.same(largest(MaxFileSize, { CLAMDMAXSIZE: '1M' })?.name, 'CLAMDMAXSIZE')
  t.equal(largest(MaxFileSize, { OVERSIZE: 'accept' }), undefined, 'larger mail is not deferred')
  t.equal(largest(MaxFileSize, { QHPSI: 'plugin: eicar' }), undefined)
  t.equal(largest(MaxFileSize, {}, '/other.ctl'), undefined, 'its clamd.conf is unknown')
})
