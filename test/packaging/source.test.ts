import { execFileSync, spawnSync } from 'node:child_process'
import { cpSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { lacks } from '../needs.mjs'
import { openDirectory } from '../programs/host/reachable.ts'
import { packageBeside, packagingMissing } from './built-package.ts'
import { smallPrograms } from './small-programs.ts'

/** The source package, and what it states about a build. */

const root = join(import.meta.dirname, '../..')
const missing = lacks('dpkg-buildpackage')

t.test('the source package', { skip: missing }, async (t) => {
  const usual = sourcePackage(t, '022')

  t.test('is the same under any umask', async (t) => {
    t.equal(sourcePackage(t, '077').sum, usual.sum)
    t.match(usual.list, /^-rwxr-xr-x \S+ .*\/debian\/rules$/m)
    t.match(usual.list, /^-rw-r--r-- \S+ .*\/debian\/control$/m)
  })

  t.test(
    'has no finding of lintian, and needs each override',
    { skip: lacks('lintian') },
    async (t) => {
      const { stdout } = spawnSync('lintian', ['--allow-root', '--display-info', usual.file], {
        encoding: 'utf8',
      })
      t.notMatch(stdout, /^[EW]: /m)
      t.notMatch(stdout, /unused-override/)
    },
  )
})

t.test(
  'a build of the package shows the flags of compilers, unless it shall be terse',
  async (t) => {
    const show = (options: string) =>
      execFileSync('make', ['-f', 'debian/rules', '--eval', 'show:;@echo "$$V"', 'show'], {
        cwd: root,
        env: { ...process.env, V: '', DEB_BUILD_OPTIONS: options },
        stdio: ['ignore', 'pipe', 'ignore'],
        encoding: 'utf8',
      }).trim()
    t.equal(show(''), '1')
    t.equal(show('nocheck terse'), '')
    const build = (V: string) =>
      execFileSync(process.execPath, ['packaging/builds/build-client.mjs'], {
        cwd: root,
        env: { ...process.env, V },
        encoding: 'utf8',
      })
    t.match(build('1'), /^\S+ .*-fstack-protector-strong .*\/onescanc\/main\.c/m)
    t.equal(build(''), '')
  },
)

t.test(
  'a package can be made below a path with a blank',
  { skip: missing || packagingMissing || lacks('make') },
  async (t) => {
    const checkout = join(openDirectory(t), 'of onescan')
    cpSync(smallPrograms(t), join(checkout, 'build of it'), { recursive: true })
    const script = `git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from=- | tar --extract --directory "$0" &&
    cp -a dist "$0" && cd "$0" && git init --quiet &&
    git -c user.name=x -c user.email=x@x commit --quiet --allow-empty --message x &&
    "$1" packaging/packages/deb.mjs --programs "build of it" --output "made of it"`
    execFileSync('sh', ['-c', script, checkout, process.execPath], {
      cwd: root,
      env: { ...process.env, COMPRESS: 'none' },
      stdio: ['ignore', 'ignore', 'inherit'],
    })
    const directory = join(checkout, 'made of it')
    const file = packageBeside(join(directory, 'any'), 'onescan-runtime')
    const list = execFileSync('dpkg-deb', ['--contents', file], { encoding: 'utf8' })
    t.match(list, ' ./usr/lib/onescan/onescan-run\n')
    t.match(list, ' ./usr/share/doc/onescan/THIRD-PARTY-LICENSES\n')
  },
)

/** What is made of a checkout whose files were written under an umask: its file, a digest, and what is in it. */
function sourcePackage(t: Test, umask: string) {
  const [checkout, output] = [openDirectory(t), openDirectory(t)]
  const script = `umask ${umask} && git ls-files -z --cached --others --exclude-standard |
    tar --create --null --files-from=- | tar --extract --no-same-permissions --directory "$0" &&
    cd "$0" && git init --quiet &&
    git -c user.name=x -c user.email=x@x commit --quiet --allow-empty --message x &&
    "$2" packaging/packages/deb.mjs --source --level 1 --output "$1"`
  execFileSync('sh', ['-c', script, checkout, output, process.execPath], {
    cwd: root,
    env: {
      ...process.env,
      SOURCE_DATE_EPOCH: '1700000000',
      GIT_AUTHOR_DATE: '1700000000 +0000',
      GIT_COMMITTER_DATE: '1700000000 +0000',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const made = (end: string) => readdirSync(output).find((name) => name.endsWith(end))!
  const archive = made('.tar.xz')
  const list = execFileSync('tar', ['-tvf', archive], { cwd: output, encoding: 'utf8' })
  const sum = execFileSync('sha256sum', [archive], { cwd: output, encoding: 'utf8' })
  return { file: join(output, made('.dsc')), list, sum }
}
