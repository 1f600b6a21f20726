import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Ending } from '../programs/host/server.ts'
import type { Stage } from './case.ts'

export interface BuiltStage extends Stage {
  readonly directory: string
  /** How often the scanner ran so far. */
  scans(): number
  remove(): void
}

/** Builds what a case may use, in a directory of its own, which goes with the test. */
export function buildStage(t?: Ending): BuiltStage {
  const directory = mkdtempSync(join(tmpdir(), 'onescan-case-'))
  const count = join(directory, 'scans')
  writeFileSync(count, '')
  const file = (name: string, content: string | Buffer, mode = 0o600) => {
    const path = join(directory, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, content, { mode })
    return path
  }
  const scanner = file(
    'counting-scanner',
    `#!/bin/sh
echo scan >>'${count}'
found=$(grep -aom1 -e '^VIRUS' -e '^TROUBLE' -e '^NAMED .*' "$1")
case $found in
NAMED*) echo "$1: \${found##* } FOUND"; exit 1 ;;
VIRUS*) echo "$1: Test-Virus FOUND"; exit 1 ;;
TROUBLE*) exit 7 ;;
esac
`,
    0o700,
  )
  const quarantine = join(directory, 'quarantine')
  mkdirSync(quarantine, { mode: 0o700 })
  const remove = () => rmSync(directory, { recursive: true, force: true })
  t?.teardown(remove)
  return {
    directory,
    quarantine,
    scanner,
    file,
    rules: (lines) => dirname(file('control/onescan.policy', lines)),
    now: Math.floor(Date.now() / 1000),
    scans: () => readFileSync(count, 'latin1').split('\n').length - 1,
    remove,
  }
}
