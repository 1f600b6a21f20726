import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { lacks, programPath } from '../../needs.mjs'

/** Programs for arm64 on a machine that is none, by qemu-aarch64-static(1). */

/** Where Debian's package libc6-arm64-cross has the C library. */
const LIBRARIES = '/usr/aarch64-linux-gnu'

// ELF of 64 bits, little endian, of machine 183; for any system, executable or with PIE.
const MAGIC =
  'M::\\x7fELF\\x02\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00'
const MASK = `${'\\xff'.repeat(7)}\\x00${'\\xff'.repeat(8)}\\xfe\\xff\\xff\\xff`

/**
 * Returns the command that runs another one with qemu for programs of arm64, and for those that
 * they become. The kernel is configured in a namespace of its own (binfmt_misc), so that nothing changes
 * for other processes.
 */
export function emulated(command: readonly string[]): [string, ...string[]] {
  const register = `:arm64:${MAGIC}:${MASK}:${interpreter()}:P`
  const script = `mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc &&
    printf %s "$1" >/proc/sys/fs/binfmt_misc/register && shift && exec "$@"`
  const namespace = ['unshare', '--user', '--map-root-user', '--mount']
  return ['/usr/bin/env', ...namespace, '/bin/sh', '-c', script, 'sh', register, ...command]
}

let place: string | undefined

/**
 * The interpreter that the kernel runs instead of a program, with the program's path, its name and
 * its arguments.
 */
function interpreter(): string {
  if (place !== undefined) return place
  const directory = mkdtempSync(join(tmpdir(), 'onescan-arm64-'))
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }))
  place = join(directory, 'qemu')
  const script = `#!/bin/sh
program=$1 name=$2
shift 2
exec '${programPath('qemu-aarch64-static')}' -L ${LIBRARIES} -0 "$name" "$program" "$@"
`
  writeFileSync(place, script, { mode: 0o755 })
  return place
}

/** Why no such program can be built and run here, or false. */
export const emulationMissing: string | false =
  lacks('x64', 'namespaces') ||
  lacks('aarch64-linux-gnu-gcc', 'qemu-aarch64-static') ||
  (!registers() && 'run on Linux 6.7 or later, where a namespace has a binfmt_misc of its own')

function registers(): boolean {
  const [program, ...words] = emulated(['/bin/true'])
  return spawnSync(program, words).status === 0
}
