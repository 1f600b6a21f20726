import { spawnSync } from 'node:child_process'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { oldestNode } from '../../packaging/toolchain/toolchain.mjs'
import { openDirectory } from '../programs/host/reachable.ts'

/** What each program prints on a Node that is older than package.json has it. */

const bin = join(import.meta.dirname, '../../bin')
const { engines } = JSON.parse(readFileSync(join(bin, '../package.json'), 'utf8'))
const oldest: string = engines.node.replace('>=', '')
const [major, minor] = oldest.split('.').map(Number) as [number, number]

/** Each with its exit code, where mail is at stake a temporary one, and with the beginning of its line. */
const programs = [
  ['onescan', 2, 'onescan: '],
  ['onescan-queue', 55, 'onescan: decision=defer fault=config reason="'],
  ['onescand', 111, 'onescand: '],
  ['onescan-quotad', 111, 'onescan-quotad: '],
  ['smtp-delay', 111, 'smtp-delay: fatal: '],
] as const

t.test('on an older Node each program reports it in one line, and reads nothing', async (t) => {
  for (const [name, code, opening] of programs) {
    for (const version of [`${major}.${minor - 1}.9`, `${major - 1}.${minor + 1}.0`, '9.99.0']) {
      const { status, stdout, stderr } = runOn(t, version, name)
      t.equal(status, code, `${name} on ${version}`)
      t.equal(stdout, '')
      t.ok(
        stderr.startsWith(
          `${opening}${oldestNode} is Node ${version}, and onescan needs ${oldest} or`,
        ),
      )
      t.match(stderr, /^[^\n]+\n$/)
    }
  }
})

t.test('on the oldest Node and each newer one the programs run', async (t) => {
  for (const version of [`${oldest}.0`, `${major}.${minor + 1}.0`, `${major + 1}.0.0`, '100.0.0']) {
    for (const [name] of programs) {
      const { stdout, status } = runOn(t, version, name)
      t.match(stdout, /^\S+ \d+\.\d+/, `${name} on ${version}`)
      t.equal(status, 0)
    }
  }
})

const debians = '/usr/bin/node'
const its = spawnSync(debians, ['--version'], { encoding: 'utf8' }).stdout ?? ''
const isOlder = Number(its.slice(1).split('.')[0]) < major
t.test("Debian's Node, if it is older", { skip: !isOlder && `${debians} is ${its}` }, async (t) => {
  for (const [name, code, opening] of programs) {
    const { status, stderr } = run(t, [join(bin, name), '--version'], `${dirname(debians)}:/bin`)
    t.equal(status, code, name)
    t.match(stderr, `${opening}${debians} is Node ${its.trim().slice(1)}, and `)
  }
})

/** A program's answer to --version if Node reports such a version. */
function runOn(t: Test, version: string, name: string) {
  const claim = join(openDirectory(t), 'claim.cjs')
  writeFileSync(claim, `Object.defineProperty(process.versions, 'node', { value: '${version}' })\n`)
  return run(t, [oldestNode, '--require', claim, join(bin, name), '--version'], '/usr/bin:/bin')
}

/** Standard error is a file: the slot writes into no pipe that could end in a bounce. */
function run(t: Test, [program, ...words]: readonly string[], PATH: string) {
  const file = join(openDirectory(t), 'stderr')
  const log = openSync(file, 'w')
  const { status, stdout } = spawnSync(program!, words, {
    env: { PATH },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', log],
  })
  closeSync(log)
  return { status, stdout, stderr: readFileSync(file, 'utf8') }
}
