import { join } from 'node:path'
import t from 'tap'
import { readClamdAddress } from '../../../../../src/scanner/scan/scanners/clamd/clamd-address.ts'
import {
  clamdConfOf,
  databaseIn,
  databaseOf,
  firstConfOf,
  isOnThisHost,
  optionIn,
} from '../../../../../src/scanner/scan/scanners/clamd/clamd-conf.ts'

/** Where the signatures of a clamd lie, by its clamd.conf and the options of ClamAV's programs. */

const conf =
  '# LocalSocket /x\n  LocalSocket\t/run/clamav/s\nTCPSocket 3310\nDatabaseDirectory /db\n'
const directory = t.testdir({ conf })
const file = join(directory, 'conf')
const missing = join(directory, 'missing')

t.test('the file of a clamd is the one that has its address', async (t) => {
  for (const address of ['/run/clamav/s', '/var/run/clamav/s', '127.0.0.1:3310', '[::1]:3310']) {
    t.equal(clamdConfOf(readClamdAddress(address), [file]), conf, address)
    t.equal(databaseOf(readClamdAddress(address), [file]), '/db')
  }
  for (const address of ['/x', '/run/clamav/other', 'localhost:3311', '192.0.2.1:3310']) {
    t.not(clamdConfOf(readClamdAddress(address), [file]), conf, address)
  }
  t.not(clamdConfOf(readClamdAddress('/run/clamav/s'), [missing]), conf)
})

t.test('a clamd runs on this host if it has a socket or a loopback address', async (t) => {
  const isHere = (address: string) => isOnThisHost(readClamdAddress(address))
  for (const address of ['/run/s', '127.9.0.1:1', '[::1]:1', 'localhost:1']) {
    t.ok(isHere(address), address)
  }
  for (const address of ['192.127.0.1:1', '[::12]:1', 'localhost.example.org:1', 'x:1']) {
    t.notOk(isHere(address), address)
  }
})

t.test('the file is the first that can be read', async (t) => {
  t.equal(firstConfOf([missing, file, missing]), conf)
  t.equal(firstConfOf([missing, directory]), '')
  t.equal(databaseIn(conf), '/db')
  t.equal(databaseIn('#DatabaseDirectory /db\nDatabaseDirectoryX /x\n'), '/var/lib/clamav')
})

t.test('an option may have each form that ClamAV accepts', async (t) => {
  const named = (...words: string[]) => optionIn(words, '-c', '--config-file')
  for (const words of [['-c', '/a'], ['-c/a'], ['--config-file=/a'], ['--config-file', '/a']]) {
    t.equal(named('--quiet', ...words, '/b'), '/a', words.join(' '))
  }
  t.equal(named('--quiet', '--config-files=/a', '/b'), undefined)
})
