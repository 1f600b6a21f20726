import { execFileSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { writeRepository } from '../../packaging/packages/repository.mjs'
import { lacks } from '../needs.mjs'
import { freePort } from '../programs/host/free-port.ts'
import { python, pythonMissing } from '../programs/host/python.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import { startServer } from '../programs/host/server.ts'
import { packageOnce, packagesBeside, packagingMissing } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'
import { keyMaker } from './key-maker.ts'
import { deliveredTo, LINK, mustRun, putQmail, whileMailFlows } from './mail-here.ts'

/** The repository of a release, as apt of a bare Debian takes it. */

const SOURCES = '/etc/apt/sources.list.d/onescan.sources'
const skip =
  packagingMissing ||
  debianMissing ||
  pythonMissing ||
  lacks('apt-ftparchive', 'gpg', 'gpgconf', 'gpg-agent', 'xz')

const makeKey = keyMaker(t)

t.test('apt installs, upgrades and downgrades from the repository', { skip }, async (t) => {
  const [debian, file] = await Promise.all([makeDebian(t), packageOnce('whole')])
  const at = (path: string) => join(debian.path, path)
  const place = openDirectory(t)
  const key = makeKey('onescan releases <releases@example.org>')
  const older = asVersion(t, file, '0.0.8')
  const newer = asVersion(t, file, '0.0.9')
  const context = join(place, 'apt')
  const port = await freePort()
  const address = `http://127.0.0.1:${port}/apt`
  const publish = (packages: readonly string[], signedBy = key) => {
    rmSync(context, { recursive: true, force: true })
    writeRepository(context, { packages, address, key: signedBy, seconds: 1_700_000_000 })
  }
  publish(older)
  const words = ['-m', 'http.server', '--bind', '127.0.0.1', '--directory', place, String(port)]
  const server = await startServer([python, ...words], { port, host: '127.0.0.1' })
  t.teardown(server.stop)

  putQmail(at)
  writeFileSync(
    at('/etc/apt/apt.conf.d/here'),
    'Acquire::http::Proxy "DIRECT"; Acquire::Retries "0";\n',
  )
  const there = (script: string, code = 0) => mustRun(t, debian, script, code)
  const version = () => there('dpkg-query --show onescan').replace('onescan\t', '').trim()
  /** As qmail-smtpd with QMAILQUEUE naming the link. */
  const send = (message: string, code: number) =>
    there(
      `QHPSI='plugin: eicar' REJECTVIRUS=1 MAILDIR=/var/mail-here ${LINK} </${message}.eml 1</envelope 2>/output`,
      code,
    )
  // Nothing but what onescan.sources names: neither Debian's archive nor a key that apt trusts by itself.
  there('rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/trusted.gpg.d/*')
  cpSync(join(context, 'onescan.sources'), at(SOURCES))

  t.test('onescan.sources is all that a host needs', async (t) => {
    there('apt-get update && apt-get install --yes --no-install-recommends onescan')
    t.equal(version(), '0.0.8')
    send('clean', 0)
    send('eicar', 31)
    t.equal(deliveredTo(at), 1)
  })

  t.test('while mail flows it is upgraded, and goes back', async (t) => {
    publish([...older, ...newer])
    const steps = `
      { apt-get update && apt-get upgrade --yes && dpkg-query --show onescan &&
        apt-get install --yes --allow-downgrades onescan=0.0.8 onescan-runtime=0.0.8 && dpkg-query --show onescan; } >/did 2>&1`
    whileMailFlows(t, debian, steps, 5)
    const did = readFileSync(at('/did'), 'utf8')
    t.match(did, /^onescan\t0\.0\.9$/m)
    t.match(did, /^onescan\t0\.0\.8$/m)
    t.notMatch(readFileSync(at('/log'), 'utf8'), /scan=(?!clean)/, 'and scanned')
  })

  t.test('a package that was signed by another key, or changed, is rejected', async (t) => {
    const forged = hollow(t, '9.9.9')
    const afresh = 'rm -rf /var/lib/apt/lists/*; apt-get update; apt-cache policy onescan'
    publish([forged], makeKey('somebody else <else@example.org>'))
    const byAnother = there(afresh)
    t.match(byAnother, /^[EW]: .*NO_PUBKEY/m)
    publish([forged])
    const signed = readFileSync(join(context, 'dists/stable/InRelease'))
    publish(older)
    writeFileSync(join(context, 'dists/stable/InRelease'), signed)
    const changed = there(afresh)
    t.match(changed, /^E: Failed to fetch .*(Hash Sum mismatch|unexpected size)/m)
    for (const output of [byAnother, changed]) t.notMatch(output, '9.9.9')
  })
})

t.test(
  'a repository is built the same each time, except for the signature',
  { skip },
  async (t) => {
    const packages = asVersion(t, await packageOnce('whole'), '0.0.8')
    const key = makeKey('a second <second@example.org>')
    const [first, second] = [1, 2].map((n) => {
      const directory = join(openDirectory(t), `apt${n}`)
      writeRepository(directory, {
        packages,
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
    for (const path of packages) t.match(first, basename(path))
  },
)

/** The same packages with another version. */
function asVersion(t: Test, file: string, version: string): string[] {
  const directory = openDirectory(t)
  for (const path of packagesBeside(file)) {
    const tree = join(directory, 'tree')
    execFileSync('dpkg-deb', ['--raw-extract', path, tree])
    const control = join(tree, 'DEBIAN/control')
    const [, own = ''] = /^Version: (.*)$/m.exec(readFileSync(control, 'utf8')) ?? []
    writeFileSync(control, readFileSync(control, 'utf8').replaceAll(own, version))
    execFileSync('dpkg-deb', ['-Znone', '--build', tree, directory], { stdio: 'ignore' })
    rmSync(tree, { recursive: true })
  }
  return readdirSync(directory).map((name) => join(directory, name))
}

/** A package of that name without anything in it. */
function hollow(t: Test, version: string): string {
  const directory = openDirectory(t)
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
