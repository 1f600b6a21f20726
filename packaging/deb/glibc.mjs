import { execFileSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The newest version of the C library that a program of the directory asks for, as '2.17'. */
export function newestGlibc(directory) {
  const programs = readdirSync(directory, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('-sanitized')) // of the tests
    .map((entry) => join(directory, entry.name))
  const needed = programs.flatMap((program) => {
    const text = execFileSync('readelf', ['--version-info', '--wide', program], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'], // a script is no ELF file, and says so
      maxBuffer: 16 * 1024 * 1024,
    })
    return [...text.matchAll(/Name: GLIBC_2\.(\d+)/g)].map(([, minor]) => Number(minor))
  })
  if (needed.length === 0) throw new Error(`${directory}: no program here needs the C library`)
  return `2.${Math.max(...needed)}`
}
