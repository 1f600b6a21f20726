import { execFileSync } from 'node:child_process'
import { copyFileSync, cpSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { PACKAGES } from '../../packaging/packages/package-files.mjs'
import { npmRegistry } from '../programs/host/npm-registry.ts'
import { openDirectory } from '../programs/host/reachable.ts'
import { native, packageBeside, packageOnce, packagingMissing } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'

/**
 * The source package in a clean Debian of the release that README.source names, with what it states that a
 * build needs, and nothing else.
 */

const root = join(import.meta.dirname, '../..')
const [, RELEASE = ''] =
  /^Debian \d+ \((\w+)\)/m.exec(readFileSync(join(root, 'debian/README.source'), 'utf8')) ?? []

t.test(
  'the source package builds in a clean chroot of its release',
  { skip: packagingMissing || debianMissing },
  async (t) => {
    const [debian, output] = [await makeDebian(t, RELEASE), openDirectory(t)]
    const at = (path: string) => join(debian.path, path)
    execFileSync(process.execPath, ['packaging/packages/deb.mjs', '--source', '--output', output], {
      cwd: root,
      stdio: 'ignore',
    })
    cpSync(output, at('source'), { recursive: true })
    copyFileSync('/etc/resolv.conf', at('etc/resolv.conf'))
    const { address, authorities } = npmRegistry()
    // npm of Debian is some 400 packages, and dpkg waits for the disk with each.
    const needed = debian.run(`
      echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/fast
      apt-get -q update && apt-get -q install --yes --no-install-recommends dpkg-dev build-essential fakeroot &&
      apt-get -q build-dep --yes --no-install-recommends /source/*.dsc`)
    t.equal(needed.code, 0, needed.output.slice(-2000))
    if (authorities !== undefined) copyFileSync(authorities, at('source/ca.crt'))
    const built = debian.run(`
      export npm_config_registry='${address}'
      test ! -e /source/ca.crt || export npm_config_cafile=/source/ca.crt
      cd /source && dpkg-source --extract *.dsc tree && cd tree &&
      COMPRESS=none dpkg-buildpackage --build=binary -us -uc`)
    t.equal(built.code, 0, built.output.slice(-4000))

    const made = readdirSync(at('source')).filter((name) => name.endsWith('.deb'))
    t.equal(made.length, PACKAGES.length)
    const files = (file: string) =>
      execFileSync('sh', ['-c', 'dpkg-deb --fsys-tarfile "$1" | tar -t | sort', 'sh', file], {
        encoding: 'utf8',
      })
    const here = await packageOnce('whole', native)
    for (const name of PACKAGES) {
      const path = made.find((path) => path.startsWith(`${name}_`))!
      t.equal(files(at(join('source', path))), files(packageBeside(here, name)), name)
    }
  },
)
