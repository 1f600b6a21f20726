// Tests have accounts run programs of the checkout. Below a home of mode 0700 they could not reach it: for
// root, the tests see it by a path that everybody may pass, in a mount namespace of their own.
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmdirSync, statSync } from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

/** Whether everybody may enter the directory. */
const mayEnter = (path) => (statSync(path).mode & 1) === 1
/** Whether everybody may go to the directory. */
const isReachable = (path) =>
  path === '/' || (mayEnter(dirname(path)) && isReachable(dirname(path)))

const BIND = 'mount --bind "$1" "$2" && cd "$2" && shift 2 && exec "$@"'

/**
 * Runs this script once more by such a path, and ends with its code, if not everybody can go to `root`.
 * Returns if everybody can, if this is not root, or if the kernel allows no namespace.
 */
export function openCheckout(root) {
  if (process.getuid() !== 0 || !mayEnter(root) || isReachable(root)) return
  const place = mkdtempSync(join(tmpdir(), 'onescan-checkout-'))
  chmodSync(place, 0o755)
  const inNamespace = ['--mount', '--propagation', 'private', '--', '/bin/sh', '-c']
  const mayMount = spawnSync('unshare', [...inNamespace, BIND, 'sh', root, place, 'true'])
  if (mayMount.status === 0) {
    const again = [process.execPath, 'test/run.mjs', ...process.argv.slice(2)]
    const words = [...inNamespace, BIND, 'sh', root, place, ...again]
    const { status, signal } = spawnSync('unshare', words, { stdio: 'inherit' })
    rmdirSync(place)
    process.exit(status ?? 128 + constants.signals[signal])
  }
  rmdirSync(place)
}
