import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { lacks } from '../../needs.mjs'
import { freePort } from '../host/free-port.ts'
import { type Server, startServer } from '../host/server.ts'

/** Why the tests with tcpserver are skipped; false if it is there. */
export const ucspiMissing: string | false = lacks('tcpserver', 'tcprules')

/** Why the tests with envdir are skipped; false if it is there. */
export const envdirMissing: string | false = lacks('envdir')

export interface TcpServer extends Server {
  readonly port: number
}

/** What tcpserver(1) writes with -v when it listens. */
export const TCPSERVER_READY = /^tcpserver: status: 0\//

/**
 * Compiles the rules of a tcp.smtp file by tcprules(1) in the directory, and returns the path of
 * the cdb.
 */
export function compileRules(directory: string, rules: string): string {
  const cdb = join(directory, 'tcp.smtp.cdb')
  execFileSync('tcprules', [cdb, `${cdb}.tmp`], { input: rules })
  return cdb
}

/**
 * Starts tcpserver(1) on a free port of 127.0.0.1, with the rules of a tcp.smtp file compiled by
 * tcprules(1). It runs `program` for each connection.
 */
export async function startTcpServer(setup: {
  /** The directory of tcp.smtp and its cdb. */
  readonly directory: string
  readonly rules: string
  readonly program: readonly string[]
  readonly environment: NodeJS.ProcessEnv
}): Promise<TcpServer> {
  const cdb = compileRules(setup.directory, setup.rules)
  const port = await freePort()
  const words = ['-v', '-H', '-R', '-l', '0', '-x', cdb, '127.0.0.1', String(port)]
  const command = ['tcpserver', ...words, ...setup.program]
  const server = await startServer(command, TCPSERVER_READY, { env: setup.environment })
  return { ...server, port }
}

/** Makes a directory for envdir(8) with a file for each variable, and returns its path. */
export function makeEnvdir(directory: string, variables: Readonly<Record<string, string>>): string {
  const path = join(directory, 'env')
  mkdirSync(path)
  for (const [name, value] of Object.entries(variables)) {
    writeFileSync(join(path, name), `${value}\n`)
  }
  return path
}
