// The host on which the tests run. For root it is this machine with a layer over its files, in a mount namespace:
// what tests need is installed below build/ and seen in its place, and what is changed below /etc, /usr and
// /var is gone with the namespace. So a machine that handles mail, or has a clamd, stays as it is. Other users
// may lay nothing over files of root: they get what the machine has.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { constants, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { firstLine } from './apt.mjs'

/** Set where the tests have this host. */
const MARK = 'ONESCAN_TEST_HOST'
/** Where it is built: its directories lie over those of the machine. */
export const layerOf = (root) => join(root, 'build/test-host')

/**
 * "$1" is the layer; "$2" is 'build' to change it, or 'run' for changes that end with the namespace; "$3" is an
 * empty directory; "$4" the checkout, which is then at "$5", where everybody may enter it. The machine's
 * network is not below /run alone.
 */
const MOUNT = `
layer=$1 purpose=$2 scratch=$3 checkout=$4 place=$5
shift 5
test -n "$place" || place=$scratch/none
mount -t tmpfs -o mode=755 tmpfs "$scratch"
mkdir "$scratch/layer" "$scratch/tmp" "$scratch/here" "$scratch/none"
mount --bind "$layer" "$scratch/layer"
mount --bind "$checkout" "$scratch/here"
mount --bind /var/tmp "$scratch/tmp"
for name in resolv.conf hosts hostname; do cat "/etc/$name" >"$scratch/$name" 2>/dev/null || :; done
for name in bin etc lib lib32 lib64 libx32 opt sbin usr var; do
  test -d "/$name" && ! test -L "/$name" || continue
  own=$scratch/own/$name
  test "$purpose" = run || own=$scratch/layer/$name
  mkdir -p "$own" "$scratch/layer/.work/$name" "$scratch/work/$name" "$scratch/layer/$name"
  if test "$purpose" = run; then
    options=lowerdir=$scratch/layer/$name:/$name,upperdir=$own,workdir=$scratch/work/$name
  else
    options=lowerdir=/$name,upperdir=$own,workdir=$scratch/layer/.work/$name
  fi
  mount -t overlay -o "$options" overlay "/$name"
done
mount --bind "$scratch/tmp" /var/tmp
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -m 1777 /run/lock
for name in resolv.conf hosts hostname; do
  cmp -s "$scratch/$name" "/etc/$name" || { rm -f "/etc/$name"; cat "$scratch/$name" >"/etc/$name"; }
done
case $checkout in /bin/* | /etc/* | /lib*/* | /opt/* | /sbin/* | /usr/* | /var/*) mount --bind "$scratch/here" "$checkout" ;; esac
case $purpose:$(stat -c %A "$scratch/here") in
  build:* | *[xt]) mount --bind "$scratch/here" "$place" ;;
  *) # A directory that nobody else may enter: what is changed in it ends with the namespace, too.
    mkdir -p "$scratch/own/checkout" "$scratch/work/checkout"
    mount -t overlay -o "lowerdir=$scratch/here,upperdir=$scratch/own/checkout,workdir=$scratch/work/checkout" overlay "$place" ;;
esac
cd "$place"
exec "$@"
`

/** Makes the layer again if the machine's packages or accounts are not those that it was made over. */
function freshLayer(root) {
  const layer = layerOf(root)
  const hash = createHash('sha256')
  for (const file of ['/etc/passwd', '/etc/group', '/var/lib/dpkg/status'])
    hash.update(readFileSync(file))
  const stamp = hash.digest('hex')
  const kept = `${layer}/.made-over`
  if (existsSync(kept) && readFileSync(kept, 'utf8') === stamp) return
  rmSync(layer, { recursive: true, force: true })
  mkdirSync(layer, { recursive: true })
  writeFileSync(kept, stamp)
}

/** Runs a command there; returns what spawnSync() does. `place` is where the checkout is seen. */
function runThere(root, purpose, place, command, options) {
  const layer = layerOf(root)
  const scratch = mkdtempSync(join(tmpdir(), 'onescan-host-'))
  const namespace = ['--mount', '--propagation', 'private', '--', '/bin/sh', '-euc', MOUNT, 'sh']
  const run = spawnSync(
    'unshare',
    [...namespace, layer, purpose, scratch, root, place, ...command],
    { ...options, env: { ...process.env, ...options.env } },
  )
  rmdirSync(scratch)
  return run
}

/** Why this machine can have no such host, or false. */
export function hostMissing(root) {
  if (process.getuid() !== 0) return 'only root can lay files over those of the machine'
  if (!existsSync('/etc/debian_version')) return 'this is not Debian'
  freshLayer(root)
  for (const purpose of ['build', 'run']) {
    const { status, stderr, error } = runThere(root, purpose, '', ['true'], { encoding: 'utf8' })
    if (status !== 0) return `overlayfs cannot be mounted: ${error?.message ?? firstLine(stderr)}`
  }
  return false
}

/** Installs what the tests need, into the layer; what it prints is shown. Returns its exit code. */
export const buildHost = (root, command) =>
  runThere(root, 'build', '', command, { stdio: 'inherit', env: { [MARK]: '1' } }).status

/** Whether everybody may enter the directory, and go to it. */
const mayEnter = (path) => (statSync(path).mode & 1) === 1
const isReachable = (path) => path === '/' || (mayEnter(path) && isReachable(dirname(path)))

/**
 * Runs this command once more on the host of the tests, and ends with its code. There the checkout is at a path
 * that everybody may pass: tests have accounts run programs of it, and a home may have mode 0700. Returns if it
 * runs there already.
 */
export function enterHost(root, words, env) {
  if (process.env[MARK]) return
  const place = isReachable(root) ? root : mkdtempSync(join(tmpdir(), 'onescan-checkout-'))
  const options = { stdio: 'inherit', env: { ...env, [MARK]: '1' } }
  if (place !== root) spawnSync('chmod', ['755', place])
  const { status, signal } = runThere(root, 'run', place, words, options)
  if (place !== root) rmdirSync(place)
  process.exit(status ?? 128 + constants.signals[signal])
}

export const isOnHost = () => process.env[MARK] !== undefined
