import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { packageOnce, packagingMissing, putPackages } from './built-package.ts'
import { debianMissing, makeDebian } from './debian.ts'

/** debian/tests of the source package, as autopkgtest runs them on a machine of their own. */

const tests = join(import.meta.dirname, '../../debian/tests')
/** A field of the only paragraph in debian/tests/control. */
const field = (name: string) =>
  new RegExp(`^${name}: (.*)$`, 'm')
    .exec(readFileSync(join(tests, 'control'), 'utf8'))![1]!
    .split(/,? +/)

t.test('the first hour, as the source package tries it', async (t) => {
  t.same(field('Tests'), ['first-hour'])
  t.ok(existsSync(join(tests, 'first-hour')))
  t.match(field('Restrictions'), ['needs-root', 'isolation-container', 'breaks-testbed'])

  const missing = packagingMissing || debianMissing
  await t.test('with what it depends on', { skip: missing }, async (t) => {
    const [debian, file] = await Promise.all([makeDebian(t), packageOnce('whole')])
    const at = (path: string) => join(debian.path, path)
    putPackages(debian, file)
    copyFileSync('/etc/resolv.conf', at('etc/resolv.conf'))
    copyFileSync(join(tests, 'first-hour'), at('first-hour'))
    const depends = field('Depends').map((name) => (name === '@' ? '/onescan.deb' : name))
    const installed = debian.run(`
      printf '#!/bin/sh\\nexit 101\\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d
      apt-get -q update && apt-get -q install --yes --no-install-recommends ${depends.join(' ')}`)
    t.equal(installed.code, 0, installed.output)
    const { code, output } = debian.run('/first-hour')
    t.equal(code, 0, output)
    t.match(output, /^exit +0: [\s\S]*^X-QHPSI: clean$[\s\S]*^exit +31: [\s\S]*virus=EICAR/m)
    t.match(output, /all as expected\n/)
  })
})
