import { execFileSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')
const script = join(root, 'packaging/build-client.mjs')

/** Why programs in C cannot be tested here, or false. */
export const missing: string | false = hasCompiler()
  ? false
  : 'install Debian package gcc and libc6-dev'

/** Path of a program in build/native, compiled where it is older than its source. */
export function build(name: string, source: string, ...flags: readonly string[]): string {
  const program = join(root, 'build/native', name)
  const made = existsSync(program) ? statSync(program).mtimeMs : 0
  if (made <= Math.max(statSync(source).mtimeMs, statSync(script).mtimeMs)) {
    execFileSync(process.execPath, [script, ...flags])
  }
  return program
}

function hasCompiler(): boolean {
  try {
    execFileSync(process.env.CC || 'cc', ['--version'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
