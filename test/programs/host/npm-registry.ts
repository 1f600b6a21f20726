import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/** How npm on this machine reaches its registry, for a host of a test that has none of its settings. */
export interface NpmRegistry {
  readonly address: string
  /** The file of the certificates that npm trusts, if they are not those of Node. */
  readonly authorities: string | undefined
}

/**
 * Returns the settings of npm and of Node's environment. The settings of a machine are beside its own Node, which is not
 * the one of the tests: they may be seen only by `NODE_EXTRA_CA_CERTS`.
 */
export function npmRegistry(): NpmRegistry {
  const setting = (name: string) =>
    execFileSync('npm', ['config', 'get', name], { encoding: 'utf8' }).trim()
  const files = [setting('cafile'), process.env.NODE_EXTRA_CA_CERTS]
  return {
    address: setting('registry'),
    authorities: files.find((file) => file && existsSync(file)),
  }
}
