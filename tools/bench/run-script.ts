import { spawn } from 'node:child_process'
import { once } from 'node:events'

/** Runs a benchmark as npm does; its exit code and standard output. */
export async function runScript(
  script: string,
  words: readonly string[],
): Promise<{ code: number; out: string }> {
  const child = spawn(process.execPath, [script, ...words])
  let out = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  const [code] = await once(child, 'close')
  return { code, out }
}
