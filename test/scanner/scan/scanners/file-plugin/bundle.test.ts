import { execFileSync, spawnSync } from 'node:child_process'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import t from 'tap'
import { bundleTarget } from '../../../../../packaging/builds/bundled.mjs'
import { newestNode, oldestNode } from '../../../../../packaging/toolchain/toolchain.mjs'
import { openDirectory } from '../../../../programs/host/reachable.ts'
import { isWhole } from '../../../../run/is-whole.ts'
import type { Question } from './asking.ts'
import { noCompiler } from './no-compiler.ts'

const root = join(import.meta.dirname, '../../../../..')

/** The asking program and the host beside it, bundled as packaging/builds/build-bundles.mjs bundles. */
async function bundle(directory: string): Promise<string> {
  await build({
    absWorkingDir: root,
    entryPoints: [
      { in: join(import.meta.dirname, 'ask-pooled.ts'), out: 'ask' },
      {
        in: join(root, 'src/scanner/scan/scanners/file-plugin/plugin-host.ts'),
        out: 'onescan-plugin-host',
      },
    ],
    outdir: directory,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: bundleTarget,
    define: { 'import.meta.dirname': '__dirname', 'import.meta.filename': '__filename' },
    logLevel: 'warning',
  })
  return join(directory, 'ask.cjs')
}

const newestVersion = execFileSync(newestNode, ['--version'], { encoding: 'utf8' }).trim().slice(1)

const infected = `{ infected: true, name: 'Test.Virus' }`

t.test('from the bundle, on the oldest Node', async (t) => {
  const directory = t.testdir({
    'package.json': '{}',
    'es.mjs': `export const virusscan = async ({ size }) => (size > 15 ? ${infected} : { clean: true })`,
    'common.cjs': `exports.virusscan = () => (${infected})`,
    'common.js': `exports.virusscan = () => ({ clean: true })`,
    'module.js': `export const virusscan = () => ({ clean: true })`,
    'typed.ts': `export const virusscan = (mail: unknown): unknown => ({ clean: true })`,
    'exits.mjs': `export const virusscan = () => process.reallyExit(0)`,
    'loops.mjs': `export const virusscan = () => { for (;;); }`,
    'stuck.mjs': `export const virusscan = () => new Promise(() => {})`,
    'throws.mjs': `export const virusscan = () => { throw new TypeError('so') }`,
    'empty.so': '',
    bundle: {},
  })
  const program = await bundle(join(directory, 'bundle'))
  const askOn = (node: string, file: string, subject = 'x', more: Partial<Question> = {}) => {
    const question = { directory, file, ...more }
    const { stdout, stderr } = spawnSync(node, [program, JSON.stringify(question), subject], {
      encoding: 'utf8',
      input: '',
      env: { PATH: process.env.PATH },
    })
    return stdout.trimEnd() || stderr
  }

  const nodes = [
    ['22.15.0', oldestNode],
    [process.versions.node, process.execPath],
    [newestVersion, newestNode],
  ] as const
  for (const [version, node] of isWhole ? nodes : nodes.slice(0, 1)) {
    await t.test(`Node ${version}`, async (t) => {
      t.equal(execFileSync(node, ['--version'], { encoding: 'utf8' }), `v${version}\n`)
      const expected = {
        'common.cjs': 'Test.Virus',
        'common.js': 'clean',
        'exits.mjs': 'exited with code 0 before it answered',
        'stuck.mjs': 'returned a promise that can no longer settle',
        'throws.mjs': 'threw TypeError: so (throws.mjs:1:40)',
      }
      t.equal(askOn(node, 'es.mjs', 'virus'), 'Test.Virus')
      for (const [file, answer] of Object.entries(expected)) t.equal(askOn(node, file), answer)
      const late = askOn(node, 'loops.mjs', 'x', { timeout: 400 })
      t.equal(late, 'did not answer within SCANTIMEOUT')
    })
  }

  await t.test('each Node loads JavaScript and TypeScript', async (t) => {
    for (const node of [process.execPath, oldestNode, newestNode]) {
      t.equal(askOn(node, 'es.mjs'), 'clean')
      t.equal(askOn(node, 'typed.ts'), 'clean')
    }
  })

  await t.test('the reason states how to name an ES module with a CommonJS name', async (t) => {
    t.equal(askOn(oldestNode, 'module.js'), 'clean')
    const called = t.testdir({
      'package.json': '{ "type": "commonjs" }',
      'module.js': `export const virusscan = () => ({ clean: true })`,
    })
    const result = askOn(oldestNode, 'module.js', 'x', { directory: called })
    t.match(result, 'the name of an ES module must end in .mjs')
  })
})

t.test('a C plugin on the oldest Node, and without the addon', { skip: noCompiler }, async (t) => {
  const directory = t.testdir({
    bundle: {},
    'a.c': `int virusscan(const char *path) {
      volatile char stack[6 << 20];
      for (int at = 0; at < sizeof stack; at += 4096) stack[at] = path[0];
      return stack[0] == 47;
    }`,
  })
  execFileSync('gcc', ['-shared', '-fPIC', '-o', 'a.so', 'a.c'], { cwd: directory })
  // Outside of the tree, as the npm package is.
  const apart = openDirectory(t)
  const program = await bundle(join(apart, 'dist'))
  const question = JSON.stringify({ directory, file: 'a.so' })
  const options = { encoding: 'utf8', input: '' } as const
  const ask = () => execFileSync(oldestNode, [program, question, 'x'], options)
  t.match(ask(), /onescan\.node: cannot open .*; without it no \.so can run/)
  symlinkSync(join(root, 'bin'), join(apart, 'bin'))
  t.equal(ask(), 'a.so\n')
  const withLess = ['-c', 'ulimit -S -s 1024; exec "$@"', 'sh', oldestNode, program, question, 'x']
  const answer = execFileSync('/bin/sh', withLess, options)
  t.equal(answer, 'a.so\n', 'it has the stack of a C program even if onescand has less')
})
