import { execFileSync, spawn } from 'node:child_process'
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { repositoryAddress } from '../../packaging/origin.mjs'
import { writeRepository } from '../../packaging/repository.mjs'
import { EICAR } from '../../src/scan/scanners/eicar/eicar.ts'
import { bytes } from '../cases/case.ts'
import { plain } from '../cases/messages.ts'
import { freePort } from '../programs/free-port.ts'
import { findProgram } from '../programs/install.mjs'
import { untilListening } from '../programs/listening.ts'
import { python, pythonMissing } from '../programs/python.ts'
import { packageOnce, packagingMissing } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'
import { keyMaker } from './key-maker.ts'

/** The repository of a release, as apt of a bare Debian takes it. */

const LINK = '/etc/onescan/queue'
const SOURCES = '/etc/apt/sources.list.d/onescan.sources'
const queueSource = join(import.meta.dirname, '../stand-in/qmail-queue.c')
const skip =
  packagingMissing ||
  debianMissing ||
  pythonMissing ||
  (!findProgram('apt-ftparchive') && 'install Debian package apt-utils') ||
  (!findProgram('gpg') && 'install Debian package gpg')

const makeKey = keyMaker(t)

t.test('apt installs, upgrades and downgrades from the repository', { skip }, async (t) => {
  const [debian, file] = await Promise.all([makeDebian(), packageOnce('whole')])
  t.teardown(() => debian.remove())
  const at = (path: string) => join(debian.path, path)
  const place = freshDirectory(t)
  const key = makeKey('onescan releases <releases@example.org>')
  const older = asVersion(t, file, '0.0.8')
  const newer = asVersion(t, file, '0.0.9')
  const site = join(place, 'apt')
  const port = await freePort()
  const address = `http://127.0.0.1:${port}/apt`
  const publish = (packages: readonly string[], signedBy = key) => {
    rmSync(site, { recursive: true, force: true })
    writeRepository(site, { packages, address, key: signedBy, seconds: 1_700_000_000 })
  }
  publish([older])
  const words = ['-m', 'http.server', '--bind', '127.0.0.1', '--directory', place, String(port)]
  const server = spawn(python, words, { stdio: 'ignore' })
  t.teardown(() => server.kill())
  await untilListening({ port, host: '127.0.0.1' }, server)

  mkdirSync(at('/var/qmail/bin'), { recursive: true })
  execFileSync('cc', ['-O2', '-static', '-o', at('/var/qmail/bin/qmail-queue'), queueSource])
  for (const part of ['tmp', 'new', 'cur', 'envelopes']) {
    mkdirSync(at(`/var/mail-here/${part}`), { recursive: true })
  }
  writeFileSync(at('/clean.eml'), plain)
  writeFileSync(at('/eicar.eml'), Buffer.concat([plain, bytes(`${EICAR}\n`)]))
  writeFileSync(at('/envelope'), 'Fann@example.org\0Tben@example.org\0\0')
  writeFileSync(
    at('/etc/apt/apt.conf.d/here'),
    'Acquire::http::Proxy "DIRECT"; Acquire::Retries "0";\n',
  )
  /** Runs a script there, which must succeed unless another code is expected; its output. */
  const there = (script: string, code = 0) => {
    const result = debian.run(script)
    t.equal(result.code, code, `${script}\n${result.output}`)
    return result.output
  }
  const version = () => there('dpkg-query --show onescan').replace('onescan\t', '').trim()
  /** As qmail-smtpd with QMAILQUEUE naming the link. */
  const send = (message: string, code: number) =>
    there(
      `QHPSI='plugin: eicar' REJECTVIRUS=1 MAILDIR=/var/mail-here ${LINK} </${message}.eml 1</envelope 2>/said`,
      code,
    )
  const delivered = () => readdirSync(at('/var/mail-here/new')).length
  // Nothing but what onescan.sources says: neither Debian's archive nor a key that apt trusts by itself.
  there('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/trusted.gpg.d/*')
  cpSync(join(site, 'onescan.sources'), at(SOURCES))

  t.test('onescan.sources is all that a host needs', async (t) => {
    there('apt-get update && apt-get install --yes --no-install-recommends onescan')
    t.equal(version(), '0.0.8')
    send('clean', 0)
    send('eicar', 31)
    t.equal(delivered(), 1)
  })

  t.test('while mail flows it is upgraded, and goes back', async (t) => {
    publish([older, newer])
    const before = delivered()
    const codes = there(`
      while ! test -e /enough; do
        QHPSI='plugin: eicar' MAILDIR=/var/mail-here ${LINK} </clean.eml 1</envelope 2>>/log
        echo $?
      done >/codes &
      { apt-get update && apt-get upgrade --yes && dpkg-query --show onescan &&
        apt-get install --yes --allow-downgrades onescan=0.0.8 && dpkg-query --show onescan; } >/did 2>&1
      touch /enough && wait $! && cat /codes`)
      .trim()
      .split('\n')
    const did = readFileSync(at('/did'), 'utf8')
    t.match(did, /^onescan\t0\.0\.9$/m)
    t.match(did, /^onescan\t0\.0\.8$/m)
    t.equal(
      codes.filter((code) => code === '0').length,
      delivered() - before,
      'what is queued is told',
    )
    t.ok(codes.length > 5, `${codes.length} messages`)
    const permanent = codes.filter(
      (code) => (Number(code) >= 11 && Number(code) <= 40) || code === '115',
    )
    t.same(permanent, [])
    t.notMatch(readFileSync(at('/log'), 'utf8'), /scan=(?!clean)/, 'and scanned')
  })

  t.test('what somebody else has signed, or has changed since, is not taken', async (t) => {
    const forged = hollow(t, '9.9.9')
    const afresh = 'rm -rf /var/lib/apt/lists/*; apt-get update; apt-cache policy onescan'
    publish([forged], makeKey('somebody else <else@example.org>'))
    const byAnother = there(afresh)
    t.match(byAnother, /^[EW]: .*NO_PUBKEY/m)
    publish([forged])
    const signed = readFileSync(join(site, 'dists/stable/InRelease'))
    publish([older])
    writeFileSync(join(site, 'dists/stable/InRelease'), signed)
    const changed = there(afresh)
    t.match(changed, /^E: Failed to fetch .*(Hash Sum mismatch|unexpected size)/m)
    for (const output of [byAnother, changed]) t.notMatch(output, '9.9.9')
  })
})

t.test('the README names the place that a release gives to the repository', async (t) => {
  const root = join(import.meta.dirname, '../..')
  const readme = readFileSync(join(root, 'README.md'), 'utf8')
  t.match(readme, ` ${repositoryAddress(root)}/${basename(SOURCES)}\n`)
})

t.test('but for the signature a repository is the same each time', { skip }, async (t) => {
  const file = asVersion(t, await packageOnce('whole'), '0.0.8')
  const key = makeKey('a second <second@example.org>')
  const [first, second] = [1, 2].map((n) => {
    const directory = join(freshDirectory(t), `apt${n}`)
    writeRepository(directory, {
      packages: [file],
      address: 'http://x/',
      key,
      seconds: 1_700_000_000,
    })
    return execFileSync(
      'sh',
      ['-c', 'find . -type f ! -name InRelease -exec sha256sum {} + | sort'],
      {
        cwd: directory,
        encoding: 'utf8',
      },
    )
  })
  t.equal(second, first)
  t.match(first, basename(file))
})

/** The same package with another version. */
function asVersion(t: Test, file: string, version: string): string {
  const directory = freshDirectory(t)
  const tree = join(directory, 'tree')
  execFileSync('dpkg-deb', ['--raw-extract', file, tree])
  const control = join(tree, 'DEBIAN/control')
  writeFileSync(
    control,
    readFileSync(control, 'utf8').replace(/^Version: .*$/m, `Version: ${version}`),
  )
  execFileSync('dpkg-deb', ['-Znone', '--build', tree, directory], { stdio: 'ignore' })
  rmSync(tree, { recursive: true })
  return join(directory, readdirSync(directory)[0]!)
}

/** A package of that name without anything in it. */
function hollow(t: Test, version: string): string {
  const directory = freshDirectory(t)
  mkdirSync(join(directory, 'tree/DEBIAN'), { recursive: true })
  const fields = {
    Package: 'onescan',
    Version: version,
    Architecture: 'amd64',
    Maintainer: 'x',
    Description: 'x',
  }
  const control = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
  writeFileSync(join(directory, 'tree/DEBIAN/control'), control.join(''))
  execFileSync('dpkg-deb', ['--build', join(directory, 'tree'), directory], { stdio: 'ignore' })
  return join(directory, `onescan_${version}_amd64.deb`)
}

function freshDirectory(t: Test): string {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-test-'))
  chmodSync(directory, 0o755)
  t.teardown(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}
