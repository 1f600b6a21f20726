import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'

/** What the figures depend on, for who reads them elsewhere. */
export interface Machine {
  readonly date: string
  readonly processor: string
  readonly cores: number
  readonly memory: string
  readonly kernel: string
  /** File system of the queue and of the spool. */
  readonly fileSystem: string
  /** Of the minute before the run: other work disturbs. */
  readonly load: string
  readonly versions: Readonly<Record<string, string>>
}

export function describeMachine(directory: string): Machine {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GB`,
    kernel: lastLine('uname', ['-sr']).split('.', 2).join('.'), // `Linux 6.18`
    fileSystem: lastLine('df', ['--output=fstype', directory]),
    load: loadavg()[0]!.toFixed(2),
    versions: {
      onescan: JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
        .version,
      clamd: lastLine('clamd', ['--version']).replace('ClamAV ', ''),
      node: process.version,
      sh: lastLine('readlink', ['-f', '/bin/sh']),
    },
  }
}

/** The same in a sentence. */
export function machineText(machine: Machine): string {
  const { date, processor, cores, memory, kernel, fileSystem, load, versions } = machine
  const programs = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    `${date} UTC, load ${load} before`,
    `${processor}, ${cores} cores, ${memory}, ${kernel}, ${fileSystem}`,
    ...programs,
  ].join(', ')
}

function lastLine(command: string, args: readonly string[]): string {
  try {
    const path = `${process.env.PATH}:/usr/local/sbin:/usr/sbin`
    const output = execFileSync(command, args, {
      encoding: 'utf8',
      env: { ...process.env, PATH: path },
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    return output.trimEnd().split('\n').at(-1) ?? ''
  } catch {
    return 'unknown'
  }
}
